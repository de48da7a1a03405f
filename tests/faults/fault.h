/*
 * fault.h - libfault.so: preloaded into a product, it counts what is written for keeps
 * below some directories, and at a chosen count kills, fails or cuts the power.
 *
 * An event is a call that changes, or makes durable, a file or a directory there:
 * creating or truncating open, write, truncate, sync, rename, link, unlink, mkdir,
 * rmdir.  What is to happen, and the count, lie in a control file that driver and
 * processes map; every event that took place is appended to a journal, with its bytes,
 * from which power.py builds what a disk may hold after a power cut.
 *
 *	FAULT_CONTROL	path of the control file: struct fault_control
 *	FAULT_JOURNAL	path of the journal: struct fault_record, and what follows it
 *	FAULT_BELOW	directories, separated by colons, absolute, without links
 *	FAULT_HOLD	path of a file to leave before a kill; may be missing
 *
 * Children that the product forks are watched like itself, programs that it starts not.
 */
#ifndef TESTS_FAULTS_FAULT_H
#define TESTS_FAULTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum fault_mode {
	FAULT_NONE,
	FAULT_KILL_BEFORE, /* kill -9, the call not made */
	FAULT_KILL_AFTER,  /* made */
	FAULT_FULL,        /* from here on what needs room is ENOSPC; a first write is short */
	FAULT_IO,          /* EIO, once */
};

/* Shared with the driver, for which it is "<QQIIQ". */
struct fault_control {
	uint64_t count;   /* events so far */
	uint64_t target;  /* the event, from 1, at which MODE strikes */
	uint32_t mode;    /* enum fault_mode */
	uint32_t struck;  /* 1: it has */
	uint64_t process; /* who was started with this library; dies with its children */
};

enum fault_operation {
	FAULT_CREATE = 1, /* path, inode: of a file */
	FAULT_MKDIR,      /* path, inode */
	FAULT_WRITE,      /* path, inode, offset, data */
	FAULT_TRUNCATE,   /* path, inode, offset: the new length */
	FAULT_SYNC,       /* path, inode: of a file or directory */
	FAULT_RENAME,     /* path, other */
	FAULT_LINK,       /* path, other */
	FAULT_REMOVE,     /* path: unlink or rmdir */
};

/* In the journal: "<IIIIQQQ", then path, other path, data. */
struct fault_record {
	uint32_t operation, path_len, other_len, data_len;
	uint64_t inode, offset, number;
};

enum { FAULT_ARGUMENTS = 5 };

/* One call, as libfault.c describes it. */
struct fault_call {
	enum fault_operation operation;
	const char *path, *other; /* absolute; NULL: none */
	uint64_t inode;           /* 0: known only afterwards */
	uint64_t offset;
	const void *data; /* of LEN bytes; argument 2 is LEN then */
	size_t len;
	long number; /* the system call, and what it is given */
	long argument[FAULT_ARGUMENTS];
};

/* Is this path, absolute, below one of the directories? */
bool fault_concerns(const char *path);

/* Make the call, or let happen what is to happen instead.  Returns what the call
 * returns, with its errno. */
long fault_event(struct fault_call *);

#endif
