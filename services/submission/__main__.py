"""`python -m services.submission` runs the service until SIGTERM or SIGINT."""

from services.submission.app import service
from shared.service import main

if __name__ == "__main__":
    main(service)
