"""The program as it was at an earlier commit, and how much quicker or slower it is now."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def checked_out(commit, folder):
    """Lay out the files of a commit in an empty folder, and take them away again."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run(
        [*git, "add", "--detach", "--quiet", str(folder), commit], check=True
    )
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def describe(commit):
    """Return the short hash, day and subject of a commit; end where there is none."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%h%n%cs%n%s", commit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"no commit {commit!r} in this checkout: '--against none' leaves it out"
        )
    return dict(
        zip(("commit", "date", "subject"), done.stdout.splitlines(), strict=True)
    )


def add_ratios(now, before):
    """Give each measurement its ratio to that of the earlier version, where both are known.

    Parameters
    ----------
    now, before : dict
        ``views`` and ``answers``: by name what `spread` returns.
    """
    for kind in ("views", "answers"):
        for name, times in now[kind].items():
            earlier = before[kind].get(name)
            if earlier and earlier["median_s"]:
                times["ratio"] = round(times["median_s"] / earlier["median_s"], 2)
