"""Write the README's configuration table from the settings classes: `make docs`.

A contract test generates it anew and compares, so that the table cannot fall behind the code.
"""

import re
from pathlib import Path

from dataset_svc.settings import DatasetSettings
from gateway.settings import GatewaySettings
from knowledge_svc.settings import KnowledgeSettings
from monitor_svc.settings import MonitorSettings
from servicekit.reference import settings_table
from servicekit.settings import ServiceSettings
from task_svc.settings import TaskSettings

README = Path(__file__).parents[1] / "README.md"
MARKED = re.compile(r"(<!-- settings -->\n).*(<!-- /settings -->)", re.DOTALL)


def table() -> str:
    """The settings of all services as Markdown; what several have stands once, what all have in front."""
    return settings_table(
        ServiceSettings, GatewaySettings, KnowledgeSettings, DatasetSettings, TaskSettings, MonitorSettings
    )


def rendered(readme: str) -> str:
    """The README's text with a fresh table."""
    return MARKED.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", readme)


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
