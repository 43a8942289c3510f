"""Write what is made from code: the README's settings, and the commands of the routes (`make docs`).

Contract tests generate both anew and compare, so that neither can fall behind the code.
"""

import re
from pathlib import Path

import msgspec

from dataset_svc.settings import DatasetSettings
from gateway.app import described_app
from gateway.settings import GatewaySettings
from knowledge_svc.settings import KnowledgeSettings
from mcai_cli.remote.document import commands
from monitor_svc.settings import MonitorSettings
from servicekit.reference import settings_table
from servicekit.settings import ServiceSettings
from task_svc.settings import TaskSettings

README = Path(__file__).parents[1] / "README.md"
COMMANDS = Path(__file__).parents[1] / "cli" / "mcai_cli" / "remote" / "commands.json"
MARKED = re.compile(r"(<!-- settings -->\n).*(<!-- /settings -->)", re.DOTALL)


def table() -> str:
    """The settings of all services as Markdown; what several have stands once, what all have in front."""
    return settings_table(
        ServiceSettings, GatewaySettings, KnowledgeSettings, DatasetSettings, TaskSettings, MonitorSettings
    )


def rendered(readme: str) -> str:
    """The README's text with a fresh table."""
    return MARKED.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", readme)


def commands_file() -> bytes:
    """The commands of all routes, as the command line reads them."""
    found = commands(described_app().openapi())
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
    COMMANDS.write_bytes(commands_file())
