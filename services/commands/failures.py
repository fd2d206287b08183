"""What kept a command from doing its work, in words for the person who typed it.

It is apart so that no command needs to catch what it cannot mend. An error that is not foreseen
here is a fault of ours and keeps its traceback.
"""


class CommandError(RuntimeError):
    """What was typed cannot be done. The text says why, and what can."""


def explanation(error: Exception) -> str | None:
    """The error in one sentence without a patient's data; None for what nobody foresaw."""
    # Imported only now: a command must not wait at its start for the names of errors.
    import asyncpg
    from aiokafka.errors import KafkaError

    from deploy.local.child import StartError
    from deploy.local.stack_folder import StackBusyError
    from shared.blobs import BlobError
    from shared.settings import SettingsError

    match error:
        case CommandError() | StackBusyError() | StartError() | SettingsError() | BlobError():
            return str(error)
        case KafkaError():
            return f"Kafka says {type(error).__name__}: do the brokers run, and may we use them?"
        case asyncpg.PostgresError() | asyncpg.InterfaceError():
            return f"PostgreSQL says {type(error).__name__}: is the line's database there?"
        case ConnectionError() | TimeoutError():
            return f"the line does not answer ({type(error).__name__}): does it run?"
        case OSError(filename=str(name), strerror=str(reason)):
            return f"{name}: {reason}"
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return None
