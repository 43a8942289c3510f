"""Generate the Python code of the contracts: `python protos/generate.py [OUTPUT_DIRECTORY]`.

The output is committed under protos/gen; a contract test generates it anew and compares.
"""

import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

CONTRACTS = Path(__file__).parent


def generate(output: Path) -> None:
    """Write messages, stubs and type stubs below `output`; raises RuntimeError on a bad contract."""
    sources = sorted(path.relative_to(CONTRACTS).as_posix() for path in CONTRACTS.glob("mcai/*/v1/*.proto"))
    well_known = resources.files("grpc_tools") / "_proto"
    # The plugins stand beside the interpreter, whose folder need not be on the PATH.
    plugins = Path(sys.executable).parent
    output.mkdir(parents=True, exist_ok=True)
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={CONTRACTS}",
            f"--proto_path={well_known}",
            f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
            f"--python_out={output}",
            f"--mypy_out={output}",
            f"--grpc_python_out={output}",
            f"--mypy_grpc_out={output}",
            *sources,
        ]
    )
    if status != 0:
        raise RuntimeError(f"protoc ended with status {status}; its message is above")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else CONTRACTS / "gen")
