/*
 * A serial line between two ptys, as slow and as bad as asked for: paced by baud rate, late,
 * with bit errors, lost bytes, loss bursts, an overrun receiver, and a cable that is cut.
 *
 *   serial-relay [options] LINK_A LINK_B      makes both symlinks, to ptys in raw mode
 *
 *   --baud N          115200          --bits N         10 per byte (8N1)
 *   --latency-us N    one way         --ber X          chance of an error per bit
 *   --frame-frac F    0.2             share of the errors that lose the byte, hitting its frame
 *   --drop P          chance per byte --burst P,LEN    chance per byte of losing LEN (64)
 *   --overrun N       bytes a receiver holds; the rest is lost.  0: the line waits
 *   --cut-after BYTES --cut-after-b2a BYTES --cut-at SECONDS   pull the cable then
 *   --cut-for SECONDS put it back (0: never)
 *   --cut-mode silence|hangup         hangup takes the ptys away, as a pulled USB adapter does
 *   --seed N          --stats FILE    --quiet
 *
 * SIGUSR1 cuts now, SIGUSR2 restores, SIGTERM and SIGINT print statistics and end.
 */
#include "serial-relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define IDLE_WAKE_S 0.1
#define SHORTEST_WAKE_S 0.0001

static volatile sig_atomic_t asked_cut, asked_restore, asked_end;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		asked_cut = 1;
	else if (number == SIGUSR2)
		asked_restore = 1;
	else
		asked_end = 1;
}

void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Ports */

static void port_open(struct port *port)
{
	char name[64];
	char temporary[PATH_MAX];
	struct termios mode;

	port->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (port->master < 0 || grantpt(port->master) != 0 || unlockpt(port->master) != 0
		|| ptsname_r(port->master, name, sizeof(name)) != 0)
		die("pty");
	/* Held open, so that the line outlives whoever opens and closes its end. */
	port->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (port->slave < 0 || tcgetattr(port->slave, &mode) != 0)
		die(name);
	cfmakeraw(&mode);
	cfsetspeed(&mode, B115200);
	if (tcsetattr(port->slave, TCSANOW, &mode) != 0)
		die(name);
	if (snprintf(temporary, sizeof(temporary), "%s.tmp%d", port->link, (int)getpid())
		>= (int)sizeof(temporary)) {
		errno = ENAMETOOLONG;
		die(port->link);
	}
	unlink(temporary);
	if (symlink(name, temporary) != 0 || rename(temporary, port->link) != 0)
		die(port->link);
}

static void port_close(struct port *port)
{
	if (port->master < 0)
		return;
	close(port->slave);
	close(port->master);
	port->slave = port->master = -1;
	unlink(port->link);
}

static void wire(struct relay *relay)
{
	for (int i = 0; i < 2; i++) {
		relay->directions[i].from = relay->ports[i].master;
		relay->directions[i].to = relay->ports[!i].master;
		relay->directions[i].to_slave = relay->ports[!i].slave;
		relay->directions[i].idle = true;
	}
}

static void open_ports(struct relay *relay)
{
	for (int i = 0; i < 2; i++) {
		relay->ports[i].link = relay->options.links[i];
		port_open(&relay->ports[i]);
	}
	wire(relay);
}

static void close_ports(struct relay *relay)
{
	port_close(&relay->ports[0]);
	port_close(&relay->ports[1]);
	wire(relay);
}

/* Cutting the cable */

static bool cut_due(struct relay *relay, double now)
{
	struct options *options = &relay->options;
	bool due = asked_cut
		|| (options->cut_at_s >= 0 && now - relay->began >= options->cut_at_s);

	for (int i = 0; i < 2; i++)
		due = due
			|| (options->cut_after[i] >= 0
				&& relay->directions[i].counts.in
					>= (uint64_t)options->cut_after[i]);
	return due;
}

static void cut(struct relay *relay, double now)
{
	asked_cut = 0;
	relay->options.cut_at_s = -1;
	relay->options.cut_after[A2B] = relay->options.cut_after[B2A] = -1;
	if (relay->cut)
		return;
	relay->cut = true;
	relay->cut_since = now;
	fprintf(stderr, "relay: CUT (%s) t=%.3f a2b.in=%llu b2a.in=%llu\n",
		relay->options.hangup ? "hangup" : "silence", now - relay->began,
		(unsigned long long)relay->directions[A2B].counts.in,
		(unsigned long long)relay->directions[B2A].counts.in);
	for (int i = 0; i < 2; i++) {
		struct direction *direction = &relay->directions[i];

		direction->counts.cut_lost += direction->tail - direction->head;
		direction->head = direction->tail;
	}
	if (relay->options.hangup)
		close_ports(relay);
}

static void restore(struct relay *relay, double now)
{
	asked_restore = 0;
	relay->cut = false;
	if (relay->options.hangup)
		open_ports(relay);
	relay->directions[A2B].idle = relay->directions[B2A].idle = true;
	fprintf(stderr, "relay: RESTORED t=%.3f\n", now - relay->began);
}

static void tend_cable(struct relay *relay, double now)
{
	double cut_for_s = relay->options.cut_for_s;

	if (cut_due(relay, now))
		cut(relay, now);
	if (relay->cut
		&& (asked_restore || (cut_for_s > 0 && now - relay->cut_since >= cut_for_s)))
		restore(relay, now);
}

/* The loop */

static void turn(struct relay *relay)
{
	double now = now_s();
	double wake = now + IDLE_WAKE_S;
	struct pollfd waiting[2];
	nfds_t count = 0;

	tend_cable(relay, now);
	for (int i = 0; i < 2 && !(relay->cut && relay->options.hangup); i++) {
		struct direction *direction = &relay->directions[i];

		line_take(relay, direction, now);
		wake = fmin(wake, line_next_room(relay, direction));
		wake = fmin(wake, line_give(relay, direction, now));
		if (direction->idle && line_has_room(direction))
			waiting[count++]
				= (struct pollfd){.fd = direction->from, .events = POLLIN};
	}
	double left = fmax(wake - now_s(), SHORTEST_WAKE_S);
	struct timespec timeout = {.tv_sec = (time_t)left};

	timeout.tv_nsec = (long)((left - (double)timeout.tv_sec) * 1e9);
	ppoll(waiting, count, &timeout, NULL);
}

static void save_statistics(const struct relay *relay)
{
	FILE *file = relay->options.stats ? fopen(relay->options.stats, "w") : NULL;

	if (!relay->options.quiet)
		line_print(relay, stderr);
	if (relay->options.stats && !file)
		die(relay->options.stats);
	if (!file)
		return;
	line_print(relay, file);
	if (fclose(file) != 0)
		die(relay->options.stats);
}

int main(int argc, char **argv)
{
	struct relay relay = {.options = options_parse(argc, argv)};
	struct sigaction action = {.sa_handler = on_signal};
	const int numbers[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	line_init(&relay);
	open_ports(&relay);
	if (!relay.options.quiet) {
		printf("READY %s %s\n", relay.options.links[0], relay.options.links[1]);
		fflush(stdout);
	}
	relay.began = now_s();
	while (!asked_end)
		turn(&relay);
	save_statistics(&relay);
	close_ports(&relay);
	line_done(&relay);
	return 0;
}
