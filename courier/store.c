#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "courier/store_keyring.h"
#include "courier/store_private.h"

/* 64 MiB and about a quarter of a second: what a handheld can bear. */
static const struct crypto_cost usual_cost = {.log_n = 16, .r = 8, .p = 1};

enum { COST_LOG_MAX = 20 /* of N, in a store that somebody else may have written */ };

int64_t store_now(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

struct store *store_lock(struct store *store)
{
	(void)pthread_mutex_lock(&store->mutex);
	return store;
}

void store_unlock(struct store **store)
{
	(void)pthread_mutex_unlock(&(*store)->mutex);
}

/* ---- a store in memory ---- */

static bool set_home(struct store *store, const char *home, struct error *err)
{
	const size_t len = strlen(home);

	if (len >= sizeof(store->home))
		return error_set(err, ERROR_USAGE, "path too long");
	memcpy(store->home, home, len + 1);
	return true;
}

static void make_recursive(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;

	(void)pthread_mutexattr_init(&attributes);
	(void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	(void)pthread_mutex_init(mutex, &attributes);
	(void)pthread_mutexattr_destroy(&attributes);
}

/* NULL: with the reason in the error. */
static struct store *store_new(const char *home, struct error *err)
{
	struct store *const store = calloc(1, sizeof(*store));

	if (store == NULL) {
		(void)error_errno(err, "cannot allocate memory");
		return NULL;
	}
	store->lock = store->blobs = -1;
	make_recursive(&store->mutex);
	(void)pthread_mutex_init(&store->writers_mutex, NULL);
	(void)pthread_cond_init(&store->writers_changed, NULL);
	(void)pthread_cond_init(&store->group.over, NULL);
	if (set_home(store, home, err) && keys_new(&store->keys, err))
		return store;
	store_close(store);
	return NULL;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	sql_close(&store->database);
	keys_free(store->keys);
	index_free(&store->index);
	file_close(&store->blobs);
	file_close(&store->lock);
	(void)pthread_cond_destroy(&store->group.over);
	(void)pthread_cond_destroy(&store->writers_changed);
	(void)pthread_mutex_destroy(&store->writers_mutex);
	(void)pthread_mutex_destroy(&store->mutex);
	free(store);
}

void store_cleanup(struct store **store)
{
	store_close(*store);
	*store = NULL;
}

/* ---- what is on disk ---- */

bool store_exists(const char *home)
{
	struct error ignored = {0};
	char path[PATH_MAX];
	struct stat there;

	return file_path(path, sizeof(path), home, "store.db", &ignored)
		&& stat(path, &there) == 0;
}

/* One process at a time, until the descriptor is closed, however the process ends. */
static bool lock_home(struct store *store, struct error *err)
{
	char path[PATH_MAX];

	if (!file_path(path, sizeof(path), store->home, "lock", err))
		return false;
	store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock < 0)
		return error_errno(err, "cannot open the lock");
	if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	return errno == EWOULDBLOCK
		? error_set(err, ERROR_BUSY, "in use by another courier process")
		: error_errno(err, "cannot lock");
}

static bool open_blobs(struct store *store, struct error *err)
{
	char path[PATH_MAX];

	if (!file_path(path, sizeof(path), store->home, "blobs", err)
		|| !file_make_directory(path, 0700, err))
		return false;
	store->blobs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return store->blobs >= 0 || error_errno(err, "cannot open the blobs");
}

/* An empty file that only its owner may read; SQLite keeps the mode. */
static bool make_file(const char *path, struct error *err)
{
	CLEANUP(file_close)
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd >= 0 || error_errno(err, "cannot make the database");
}

static bool put_keys(
	struct sql_database *database, const struct keys_wrapped *wrapped, struct error *err)
{
	CLEANUP(sql_end) struct sql sql = {0};
	struct digest checksum;

	if (!keys_checksum(wrapped, &checksum, err)
		|| !sql_start(database, SQL_KEYS_PUT, &sql, err))
		return false;
	sql_bind(&sql, (struct bytes){wrapped->store, sizeof(wrapped->store)});
	sql_bind(&sql, (struct bytes){wrapped->salt, sizeof(wrapped->salt)});
	sql_bind_integer(&sql, wrapped->cost.log_n);
	sql_bind_integer(&sql, wrapped->cost.r);
	sql_bind_integer(&sql, wrapped->cost.p);
	sql_bind(&sql, buf_bytes(&wrapped->acting));
	sql_bind(&sql, buf_bytes(&wrapped->reports));
	sql_bind(&sql, digest_bytes(&checksum));
	return sql_finish(&sql, err);
}

static bool exactly(const struct sql *sql, int column, uint8_t *at, size_t len)
{
	const struct bytes bytes = sql_bytes(sql, column);

	if (bytes.len != len)
		return false;
	memcpy(at, bytes.at, len);
	return true;
}

static bool one_byte(const struct sql *sql, int column, uint8_t *out)
{
	const int64_t value = sql_integer(sql, column);

	*out = (uint8_t)value;
	return value >= 0 && value <= UINT8_MAX;
}

static bool get_keys(struct sql_database *database, struct keys_wrapped *out, struct error *err)
{
	CLEANUP(keys_wrapped_free) struct keys_wrapped got = {0};
	CLEANUP(sql_end) struct sql sql = {0};
	struct digest stored, computed;
	bool row = false;

	if (!sql_start(database, SQL_KEYS_GET, &sql, err) || !sql_step(&sql, &row, err))
		return false;

	const bool fits = row && exactly(&sql, 0, got.store, sizeof(got.store))
		&& exactly(&sql, 1, got.salt, sizeof(got.salt))
		&& one_byte(&sql, 2, &got.cost.log_n) && one_byte(&sql, 3, &got.cost.r)
		&& one_byte(&sql, 4, &got.cost.p) && sql_digest(&sql, 7, &stored);

	if (fits
		&& (!buf_append(&got.acting, sql_bytes(&sql, 5), err)
			|| !buf_append(&got.reports, sql_bytes(&sql, 6), err)
			|| !keys_checksum(&got, &computed, err)))
		return false;
	if (!fits || !digest_equal(&stored, &computed) || got.cost.log_n > COST_LOG_MAX)
		return error_set(err, ERROR_DAMAGED,
			"the row of the keys is damaged: restore the store from a copy");
	*out = got;
	got = (struct keys_wrapped){0};
	return true;
}

/* ---- making ---- */

static bool fill(struct store *store, const char *path, const struct passphrase *passphrase,
	struct crypto_cost cost, struct error *err)
{
	CLEANUP(keys_wrapped_free) struct keys_wrapped wrapped = {0};

	return keys_generate(passphrase, cost, store->keys, &wrapped, err)
		&& make_file(path, err) && sql_create(path, &store->database, err)
		&& put_keys(&store->database, &wrapped, err) && audit_create(store, err)
		&& sql_run(&store->database, "COMMIT", err);
}

/* It has its name only when it is whole: half a store is none. */
static bool create(struct store *store, const struct passphrase *passphrase,
	struct crypto_cost cost, struct error *err)
{
	char path[PATH_MAX], made[PATH_MAX];

	if (!file_make_directory(store->home, 0700, err) || !lock_home(store, err))
		return false;
	if (store_exists(store->home))
		return error_set(err, ERROR_BUSY, "there is a store already");
	if (!open_blobs(store, err)
		|| !file_path(path, sizeof(path), store->home, "store.db", err)
		|| !file_path(made, sizeof(made), store->home, "store.new", err)
		|| !fill(store, made, passphrase, cost, err))
		return false;
	sql_close(&store->database);
	return file_rename(made, path, err);
}

bool store_create_with_cost(const char *home, const struct passphrase *passphrase,
	struct crypto_cost cost, struct error *err)
{
	CLEANUP(store_cleanup) struct store *store = store_new(home, err);

	if (store != NULL && create(store, passphrase, cost, err))
		return true;
	return error_while(err, "%s", home);
}

bool store_create(const char *home, const struct passphrase *passphrase, struct error *err)
{
	return store_create_with_cost(home, passphrase, usual_cost, err);
}

/* ---- opening ---- */

static bool attach(struct store *store, struct keys_wrapped *wrapped, struct error *err)
{
	char path[PATH_MAX];

	if (!store_exists(store->home))
		return error_set(
			err, ERROR_USAGE, "there is no store here: run courier init first");
	if (!file_path(path, sizeof(path), store->home, "store.db", err)
		|| !lock_home(store, err) || !open_blobs(store, err)
		|| !sql_open(path, &store->database, err)
		|| !get_keys(&store->database, wrapped, err))
		return false;
	memcpy(store->id, wrapped->store, sizeof(store->id));
	return true;
}

/* With the keys in place: is all of it as we left it? */
static bool check(struct store *store, struct error *err)
{
	return audit_check(store, err) && index_need(store, err) && paper_check(store, err)
		&& parcel_check(store, err) && receipt_check(store, err)
		&& blob_check(store, err) && metadata_check(store, err);
}

bool store_open(const char *home, const struct passphrase *passphrase, struct store **out,
	struct error *err)
{
	CLEANUP(keys_wrapped_free) struct keys_wrapped wrapped = {0};
	CLEANUP(store_cleanup) struct store *store = store_new(home, err);

	if (store == NULL || !attach(store, &wrapped, err)
		|| !keys_unwrap(&wrapped, passphrase, store->keys, err) || !check(store, err))
		return error_while(err, "%s", home);
	*out = store;
	store = NULL;
	return true;
}

static bool recall(
	struct store *store, const struct keys_wrapped *wrapped, bool *found, struct error *err)
{
	char name[KEYRING_NAME];

	if (!keyring_name(store->home, store->id, name, err)
		|| !keyring_get(name, &store->keys->acting, &store->keys->reports, found, err))
		return false;
	if (!*found)
		return true;
	store->keys->has_acting = wrapped->acting.len > 0;
	return keys_derive(store->keys, err) && check(store, err);
}

bool store_open_remembered(const char *home, struct store **out, bool *found, struct error *err)
{
	CLEANUP(keys_wrapped_free) struct keys_wrapped wrapped = {0};
	CLEANUP(store_cleanup) struct store *store = store_new(home, err);
	bool there = false;

	if (store == NULL || !attach(store, &wrapped, err)
		|| !recall(store, &wrapped, &there, err))
		return error_while(err, "%s", home);
	*found = there;
	if (there) {
		*out = store;
		store = NULL;
	}
	return true;
}

bool store_remember(struct store *store, unsigned timeout_s, bool *done, struct error *err)
{
	char name[KEYRING_NAME];

	return keyring_name(store->home, store->id, name, err)
		&& keyring_put(name, &store->keys->acting, &store->keys->reports, timeout_s,
			done, err);
}

/* ---- wiping ---- */

static bool wipe_rows(struct store *store, struct error *err)
{
	CLEANUP(keys_wrapped_free) struct keys_wrapped wrapped = {0};
	CLEANUP(change_end) struct change change = {0};

	if (!change_begin(&change, store, err) || !get_keys(&store->database, &wrapped, err))
		return false;
	wiped_free(&wrapped.acting);
	if (!put_keys(&store->database, &wrapped, err)
		|| !sql_run(&store->database,
			"DELETE FROM secret; DELETE FROM token; DELETE FROM url;"
			"DELETE FROM blob; DELETE FROM metadata",
			err)
		|| !change_commit(&change, NULL, "the acting key was wiped", err))
		return false;
	keys_wipe_acting(store->keys);
	return sql_checkpoint(&store->database, err);
}

bool store_wipe_acting(struct store *store, struct error *err)
{
	bool done = false;

	return wipe_rows(store, err) && blob_remove_strays(store, err)
		&& store_remember(store, 0, &done, err);
}
