"""python -m services.intake"""

from services.intake.app import service
from shared.service import main

if __name__ == "__main__":
    main(service)
