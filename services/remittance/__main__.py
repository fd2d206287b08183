"""`python -m services.remittance` runs the service."""

from services.remittance.app import service
from shared.service import main

if __name__ == "__main__":
    main(service)
