"""The only reader of the environment and of ``covers.toml``.

Precedence: command line, then environment (``COVERS_…``), then ``covers.toml``
in the workspace, then the defaults below.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from covers.arguments import MOST_SEED, shown
from covers.errors import ConfigError, WrongTypeError, WrongValueError
from covers.workspace.disk.strangers import read_text
from covers.workspace.registry import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_MOST_BOOTSTRAPS = 1_000_000
_NO_NUL = r"^[^\x00]*$"
_Options = TypeVar("_Options", bound=BaseModel)
Text = Annotated[str, Field(pattern=_NO_NUL, max_length=10_000)]


class Source(BaseModel):
    """A folder, manifest or music library that covers come from.

    ``path`` is relative to the workspace wherever that is possible, and so is
    ``root``: where the paths of a manifest begin, by default in its own folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    path: Text
    kind: Literal["auto", "folders", "manifest", "music"] = "auto"
    root: Text | None = None


class IntakeSettings(BaseModel):
    """How covers are taken in and split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    genre_minimum: int = Field(default=10, ge=1)
    genre_separators: str = ";/,|\x00"
    genre_level: Literal["broad", "fine"] = "fine"
    genre_table: str | None = None
    ignored_genres: tuple[str, ...] = ()
    genre_mapping: Literal["tags", "all", "none"] = "tags"
    art_priority: tuple[str, ...] = (
        "cover",
        "folder",
        "front",
        "embedded",
        "album",
        "art",
        "albumart*",
        "*front*",
        "artwork",
        "cover*",
        "folder*",
        "*cover",
        "обложка*",
        "封面*",
        "カバー",
        "ジャケット*",
        "表紙",
        "표지",
        "pochette*",
        "jaquette*",
        "portada*",
        "carátula*",
        "caratula*",
        "capa",
        "copertina*",
        "hülle*",
        "okładka*",
        "omslag*",
        "hoes",
        "obal",
        "borító*",
    )
    valid_share: float = Field(default=0.2, gt=0, lt=1)
    test_share: float = Field(default=0.0, ge=0, lt=1)
    n_folds: int = Field(default=0, ge=0)
    max_megapixels: float = Field(default=100.0, gt=0, allow_inf_nan=False)


class OverlapOptions(BaseModel):
    """How the overlap of genres is measured; see ``covers overlap --help``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: int | None = Field(default=None, ge=1)
    n_bootstraps: int = Field(default=1000, ge=10, le=_MOST_BOOTSTRAPS)
    by: Annotated[
        Literal["year", "source"] | None,
        BeforeValidator(lambda by: "year" if by == "decade" else by),
    ] = None
    which: Literal["auto", "held-out", "all"] = "auto"


class ClusterOptions(BaseModel):
    """How kinds of covers are found; see ``covers cluster --help``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_cluster_size: int | None = Field(default=None, ge=2)
    n_neighbors: int = Field(default=30, ge=2)
    assign: bool = False
    n_bootstraps: int = Field(default=1000, ge=10, le=_MOST_BOOTSTRAPS)
    n_resamples: int = Field(default=10, ge=0, le=_MOST_BOOTSTRAPS)


class NameOptions(BaseModel):
    """By which words clusters, genres and the map are named; see ``covers name --help``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: Text | None = None
    margin: float = Field(default=0.25, ge=0, le=10)


class IndexOptions(BaseModel):
    """Where the vectors lie, and with how many bytes a number.

    ``uri`` is ``postgresql://host/database?table=covers`` or
    ``milvus://host:19530/covers``; without it they lie in the workspace. ``store`` is
    for indexes within the workspace.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: Text | None = None
    store: Literal["float32", "float16", "int8"] = "float32"

    def hosts_named(self) -> frozenset[str]:
        """Return the servers that the environment names, besides those of this machine.

        Raises
        ------
        ValueError
            If it holds a malformed address.
        """
        import os

        from indexer.remote.address import read_address

        named = os.environ.get("COVERS_INDEX_HOSTS", "").split(",")
        own = os.environ.get("COVERS_INDEX__URI")
        if own:
            named.append(read_address(own).host)
        return frozenset({one.strip().lower() for one in named} - {""})


class EvaluationOptions(BaseModel):
    """How methods are measured; see ``covers evaluate --help``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_bootstraps: int = Field(default=1000, ge=10, le=_MOST_BOOTSTRAPS)
    level: float = Field(default=0.9, gt=0, lt=1)
    leakage: bool = False


class Settings(BaseSettings):
    """The settings of a workspace: sources, machine, and the parameters that differ from the defaults."""

    model_config = SettingsConfigDict(
        env_prefix="COVERS_", env_nested_delimiter="__", extra="forbid"
    )

    sources: tuple[Source, ...] = ()
    intake: IntakeSettings = IntakeSettings()
    train: dict[str, Any] = Field(default_factory=dict)
    embedders: dict[Text, Text] = Field(default_factory=dict)
    index: IndexOptions = IndexOptions()
    evaluation: EvaluationOptions = EvaluationOptions()
    overlap: OverlapOptions = OverlapOptions()
    clusters: ClusterOptions = ClusterOptions()
    names: NameOptions = NameOptions()
    seed: int = Field(default=0, ge=0, le=MOST_SEED)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: Any,
        init_settings: Any,
        env_settings: Any,
        dotenv_settings: Any,
        file_secret_settings: Any,
    ) -> Any:
        """Let the environment win over ``covers.toml``."""
        return env_settings, init_settings


def read_settings(workspace: Path) -> Settings:
    """Read the settings in force for a workspace.

    Raises
    ------
    ConfigError
        If ``covers.toml`` or an environment variable is malformed or unknown.
    """
    import os
    import tomllib

    path = CONFIG.below(workspace)
    written: dict[str, Any] = {}
    try:
        written = tomllib.loads(read_text(path))
    except FileNotFoundError:
        pass
    except (ValueError, OSError, RecursionError) as error:  # a number may be too long
        message = (
            f"cannot read '{path}': {error}; correct it, or restore it from a copy"
        )
        raise ConfigError(message) from error
    try:
        return Settings(**written)
    except (ValidationError, ValueError) as error:
        details = _details(error) if isinstance(error, ValidationError) else ""
        variables = ", ".join(name for name in os.environ if name.startswith("COVERS_"))
        message = f"a setting in '{path}' or the environment ({variables or 'nothing set'}) is wrong: {details or error}"
        raise ConfigError(message) from error


def check_options(options: _Options, values: Mapping[str, Any]) -> _Options:
    """Return options of the same kind with other values, checked.

    Raises
    ------
    WrongTypeError, WrongValueError
        If a value is wrong.
    """
    plain = {name: _of_python(value) for name, value in values.items()}
    try:
        return type(options).model_validate(plain, strict=True)
    except ValidationError as error:
        raise _wrong_setting(error, known=type(options).model_fields) from error


def _of_python(value: Any) -> Any:
    """Return a number of NumPy as one of Python, a list as a tuple."""
    if callable(getattr(value, "item", None)) and not getattr(value, "ndim", 0):
        return value.item()
    return tuple(value) if isinstance(value, list) else value


def _wrong_setting(error: ValidationError, *, known: Iterable[str]) -> ConfigError:
    """Return the error that says of each wrong value what it is and what it should be."""
    kinds = [item["type"] for item in error.errors()]
    is_type = any(kind.endswith("_type") or kind == "extra_forbidden" for kind in kinds)
    wrong = WrongTypeError if is_type else WrongValueError
    return wrong(_details(error, known))


_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "True or False",
    "bool_parsing": "True or False",
    "string_type": "text",
    "string_pattern_mismatch": "text without NUL",
    "string_too_long": "at most {max_length} characters",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "literal_error": "{expected}",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
}
"""What a value must be, by the kind of pydantic's error."""


def _details(error: ValidationError, known: Iterable[str] = ()) -> str:
    """Say of each wrong value what it is and what it should be, in words of Python."""
    said = []
    for item in error.errors():
        *tables, name = map(str, item["loc"]) if item["loc"] else ("",)
        where = ".".join([*tables, name])
        if item["type"] == "extra_forbidden":
            names = sorted(known)
            listed = f": there are {', '.join(names)}" if names and not tables else ""
            hint = _meant(name, names)
            said.append(f"there is no setting {where!r}{hint or listed}")
            continue
        expected = _EXPECTED.get(item["type"])
        if expected is None:
            said.append(f"{where}: {item['msg']}, got {shown(item['input'])}")
            continue
        context = item.get("ctx", {})
        given = item["input"]
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        hint = _meant(given, choices) if isinstance(given, str) else ""
        said.append(
            f"{where} must be {expected.format_map(context)}, got {shown(given)}{hint}"
        )
    return "; ".join(said)


def _meant(given: str, names: Iterable[str]) -> str:
    """Return the question whether the nearest name was meant; empty where none is near."""
    import difflib

    near = difflib.get_close_matches(given.casefold(), names, 1, 0.5)
    return f": did you mean {near[0]!r}?" if near else ""


def change_intake(
    settings: IntakeSettings, changes: Mapping[str, Any]
) -> IntakeSettings:
    """Return the settings with some values changed and checked.

    Raises
    ------
    ConfigError
        If a new value is unknown or wrong, or nothing would be left to train on.
    """
    given = {**settings.model_dump(), **changes}
    plain = {name: _of_python(value) for name, value in given.items()}
    try:
        changed = IntakeSettings.model_validate(plain, strict=True)
    except ValidationError as error:
        raise _wrong_setting(error, known=IntakeSettings.model_fields) from error
    if changed.valid_share + changed.test_share >= 1:
        message = (
            f"valid_share {changed.valid_share:g} and test_share {changed.test_share:g} leave nothing "
            "to train on: their sum must be below 1"
        )
        raise ConfigError(message)
    return changed


def write_settings(workspace: Path, changes: dict[str, Any]) -> None:
    """Change top-level tables of ``covers.toml``, keeping what a person wrote there.

    Parameters
    ----------
    workspace : Path
        The workspace; its ``covers.toml`` is made when missing.
    changes : dict
        New values by top-level key, as plain TOML values; of a table that is there,
        the keys that are not given stay, and those with None go.
    """
    import tomlkit

    from covers.workspace.disk.publish import publish

    path = CONFIG.below(workspace)
    document = tomlkit.parse(read_text(path)) if path.exists() else tomlkit.document()
    for key, value in changes.items():
        if isinstance(value, list):
            tables = tomlkit.aot()
            for entry in value:
                table = tomlkit.table()
                table.update(entry)
                tables.append(table)
            document[key] = tables
        elif isinstance(value, dict):
            table = document.setdefault(key, {})
            table.update({k: v for k, v in value.items() if v is not None})
            for gone in [k for k, v in value.items() if v is None and k in table]:
                table.remove(gone)
        else:
            document[key] = value
    with publish(path) as file:
        file.write(tomlkit.dumps(document))
