"""Bundle stores: the interface, its three implementations (folder, web server, S3), and requests with retries."""
