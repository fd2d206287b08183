"""What surrounds the services: the local stack, the twins, images and manifests."""
