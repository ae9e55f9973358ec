"""The routes of `holdfast dev`: its session and reports, and the events of the pages that follow it."""
