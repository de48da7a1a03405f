"""A stand-in for the open-source Mender server: device and management API.

The rules it obeys are those of the real server, including the unpleasant ones: a courier that
works here must also work there.  Nothing in it knows the courier.
"""
