"""What `holdfast dev` tells the gateway in development: which extensions it builds, and how far it is; calls and open pages follow it."""
