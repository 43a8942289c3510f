"""Write the README's configuration tables from the settings classes: `make docs`.

A contract test generates them anew and compares, so that the tables cannot fall behind the code.
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


def tables() -> str:
    """The tables of all services as Markdown; what every service has stands once, in front."""
    return settings_table(
        {
            "every service": ServiceSettings,
            "gateway": GatewaySettings,
            "knowledge-svc": KnowledgeSettings,
            "dataset-svc": DatasetSettings,
            "task-svc": TaskSettings,
            "monitor-svc": MonitorSettings,
        }
    )


def rendered(readme: str) -> str:
    """The README's text with fresh tables."""
    return MARKED.sub(lambda found: f"{found[1]}{tables()}\n{found[2]}", readme)


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
