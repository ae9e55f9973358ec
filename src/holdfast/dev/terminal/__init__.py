"""What `holdfast dev` needs of a terminal and its desktop: a screen, keys, and a browser to open."""
