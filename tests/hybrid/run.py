"""``tox run -e lightfm``: build LightFM where there is a C compiler, and test what stands on it.

Its packages have no wheels. Without a compiler nothing of this can be tested, and this says so.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = "rectools-lightfm>=1.17.3"


def main(arguments: list[str]) -> int:
    """Install and run the tests; the exit code of the first that failed, or 0."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        print(  # noqa: T201 - there is nobody else to say it to
            f"NOT TESTED: there is no C compiler ({compiler}), so LightFM cannot be built here. "
            "Install one, such as Debian's gcc, and run this again.",
            flush=True,
        )
        return 0
    install = [sys.executable, "-m", "pip", "install", "--quiet", PACKAGE]
    page = TESTS.parent / "docs" / "test_algorithms_page.py"
    tests = [str(TESTS), str(TESTS.parent / "contract"), str(page)]
    run = [sys.executable, "-m", "pytest", *tests, *arguments]
    return subprocess.call(install) or subprocess.call(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
