"""A stand-in for the open-source Mender server: device and management API.

The rules it obeys are those of the real server, including the unpleasant ones: a courier that
works here must also work there.  Nothing in it knows the courier.

Where the routes are those of the enterprise or hosted server, a setting turns them on: v2 (the
other "next"), token_cache, next_every and inventory_every.  Not here: device configuration,
generated artifacts, releases, roles, several tenants, mutual TLS.
"""
