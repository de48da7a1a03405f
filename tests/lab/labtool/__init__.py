"""What the lab's command and the tests use to talk to the lab's server."""
