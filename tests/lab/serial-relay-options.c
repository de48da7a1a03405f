#include "serial-relay.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static void usage(void)
{
	fprintf(stderr, "usage: serial-relay [options] LINK_A LINK_B\n");
	exit(2);
}

static double number(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || value < 0)
		usage();
	return value;
}

static void parse_burst(struct options *options, const char *text)
{
	char *end;

	options->burst = strtod(text, &end);
	if (end == text || (*end != '\0' && *end != ','))
		usage();
	options->burst_length = *end == ',' ? (long)number(end + 1) : 64;
}

/* Options that are a number, times a unit, kept in a double. */
static bool parse_number(struct options *options, int name, const char *text)
{
	const struct {
		int name;
		double *to, unit;
	} numbers[] = {
		{'b', &options->baud, 1},
		{'n', &options->bits, 1},
		{'l', &options->latency_s, 1e-6},
		{'e', &options->bit_error_rate, 1},
		{'d', &options->drop, 1},
		{'f', &options->framing_share, 1},
		{'t', &options->cut_at_s, 1},
		{'F', &options->cut_for_s, 1},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i].name == name) {
			*numbers[i].to = number(text) * numbers[i].unit;
			return true;
		}
	return false;
}

static void parse_other(struct options *options, int name, const char *text)
{
	if (name == 'B')
		parse_burst(options, text);
	else if (name == 'o')
		options->overrun = (long)number(text);
	else if (name == 'c')
		options->cut_after[A2B] = (long long)number(text);
	else if (name == 'C')
		options->cut_after[B2A] = (long long)number(text);
	else if (name == 'm')
		options->hangup = strcmp(text, "hangup") == 0;
	else if (name == 's')
		options->seed = strtoull(text, NULL, 0);
	else if (name == 'S')
		options->stats = text;
	else if (name == 'q')
		options->quiet = true;
	else
		usage();
}

struct options options_parse(int argc, char **argv)
{
	static const struct option names[] = {{"baud", 1, NULL, 'b'}, {"bits", 1, NULL, 'n'},
		{"latency-us", 1, NULL, 'l'}, {"ber", 1, NULL, 'e'}, {"drop", 1, NULL, 'd'},
		{"burst", 1, NULL, 'B'}, {"frame-frac", 1, NULL, 'f'},
		{"overrun", 1, NULL, 'o'}, {"cut-after", 1, NULL, 'c'},
		{"cut-after-b2a", 1, NULL, 'C'}, {"cut-at", 1, NULL, 't'},
		{"cut-for", 1, NULL, 'F'}, {"cut-mode", 1, NULL, 'm'}, {"seed", 1, NULL, 's'},
		{"stats", 1, NULL, 'S'}, {"quiet", 0, NULL, 'q'}, {NULL, 0, NULL, 0}};
	struct options options = {.baud = 115200,
		.bits = 10,
		.framing_share = 0.2,
		.cut_after = {-1, -1},
		.cut_at_s = -1};
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
		if (!parse_number(&options, name, optarg))
			parse_other(&options, name, optarg);
	if (argc - optind != 2 || options.baud <= 0 || options.bits <= 0)
		usage();
	options.links[0] = argv[optind];
	options.links[1] = argv[optind + 1];
	return options;
}
