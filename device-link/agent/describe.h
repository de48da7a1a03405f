/* describe.h - what the device says of itself, signed: inventory and identity. */
#ifndef DEVICE_LINK_AGENT_DESCRIBE_H
#define DEVICE_LINK_AGENT_DESCRIBE_H

#include "device-link/agent/survey.h"
#include "device-link/agent/trust.h"

/* The clocks of this device; BOOT_ID is the file that names the boot. */
NODISCARD bool describe_time(
	const char *boot_id, int64_t floor, struct device_time *, struct error *);

/* All of it, whatever may leave the site: for the device's own decisions. */
NODISCARD bool describe_inventory(const struct agent_settings *, const struct trust *,
	const struct marks *, const struct survey *, uint64_t newest, struct inventory *,
	struct error *);

/* The envelope that a courier gets: as much as `report` lets out. */
NODISCARD bool describe_signed(const struct agent_settings *, const struct trust *,
	const struct marks *, const struct survey *, uint64_t newest, struct buf *envelope,
	struct error *);

/* Who the device says it is, and its certificate request. */
NODISCARD bool describe_identity(const struct agent_settings *, const struct trust *,
	const struct marks *, const struct survey *, struct buf *envelope, struct error *);

/* Bytes there are for an artifact file and what its installer needs: those of a spool file
 * that is there already are among them. */
NODISCARD bool describe_space(const struct agent_settings *, uint64_t *space, struct error *);

#endif
