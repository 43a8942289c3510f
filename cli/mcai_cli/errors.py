"""What a command says when it cannot do what was asked.

CommandError
└── BankAwayError   the bank does not answer just now; the same rows may be sent again
"""


class CommandError(Exception):
    """One sentence for the person: what is wrong and what to do. The command ends with exit code 1."""


class BankAwayError(CommandError):
    """The bank does not answer just now, or the connection broke off."""
