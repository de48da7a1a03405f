/*
 * meter - run a command and say what it cost, exactly.
 *
 *   meter FILE COMMAND [ARGUMENT...]
 *
 * FILE then holds one JSON object: "status" (exit status, or 128 + signal), "wall_s",
 * "user_s", "system_s", "memory_kib" (the most that was ever resident: VmHWM).  A large
 * parent would count for its child until the child is another program; this one is
 * small.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	const double begun = seconds();
	struct rusage usage = {0};
	int status = 0;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: meter FILE COMMAND [ARGUMENT...]\n");
		return 2;
	}

	const pid_t child = fork();

	if (child == 0) {
		(void)execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child) {
		perror("meter");
		return 2;
	}

	const int exited = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	FILE *const out = fopen(argv[1], "w");

	if (out == NULL
		|| fprintf(out,
			   "{\"status\": %d, \"wall_s\": %.3f, \"user_s\": %.3f, "
			   "\"system_s\": %.3f, \"memory_kib\": %ld}\n",
			   exited, seconds() - begun, seconds_of(usage.ru_utime),
			   seconds_of(usage.ru_stime), usage.ru_maxrss)
			< 0
		|| fclose(out) != 0) {
		perror(argv[1]);
		return 2;
	}
	return exited;
}
