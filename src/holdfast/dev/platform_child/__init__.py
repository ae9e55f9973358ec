"""The process of the platform that `holdfast dev` starts."""
