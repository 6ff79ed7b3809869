"""One request: what is asked for is done as asked, or refused by name (#8.12, #8.14, #8.19)."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
import pytest

from carmeta.api import pool, single_arm, two_arm
from carmeta.api.batch import pool_many
from carmeta.api.regression import regress
from carmeta.api.subgroups import subgroup_counts, subgroup_test
from carmeta.api.two_arm import pool_two_arm
from carmeta.config import AnalysisConfig, load_config
from carmeta.domain.analysis import StudyRow
from carmeta.domain.evidence import Count
from carmeta.domain.measures import MEASURES, ONE_ARM, TWO_ARM, OneArm
from carmeta.domain.models import MODELS
from carmeta.domain.request import Options, Request, request
from carmeta.errors import ConfigError, DataError
from carmeta.pipeline.subgroups import subgroup_analysis
from carmeta.pooling.tau2_solvers import ESTIMATORS
from carmeta.sensitivity.influence import influence_of_effects
from carmeta.sensitivity.small_study import egger_test, trim_fill_effects
from carmeta.vocabulary import (
    I2Method,
    Measure,
    Method,
    ModelCode,
    PiMethod,
    Sharing,
    SingleArmMeasure,
    Test,
    To,
    TwoArmMeasure,
)
from tests.words import MYELOMA

X, N = [28, 52, 3, 40, 0, 9], [33, 62, 11, 57, 8, 19]
ARMS = ([3, 0, 7, 12], [20, 15, 31, 60], [5, 2, 7, 20], [18, 16, 29, 66])
GROUP = list("aabbbb")
CSV = "study,events,n,group\n" + "".join(
    f"S{i},{x},{n},{g}\n" for i, (x, n, g) in enumerate(zip(X, N, GROUP, strict=True))
)


class TestOneClassOfError:
    @pytest.mark.parametrize(
        "options",
        [
            {"measure": "HR"}, {"model": "RMA"}, {"method": "REM"}, {"test": "bayes"},
            {"pi_method": "X"}, {"i2_method": "H"}, {"level": 95}, {"level": 0}, {"level": "0.9"},
            {"to": "some"}, {"add": -1}, {"add": math.nan}, {"model": "GLMM", "method": "DL"},
            {"model": "GLMM", "test": "knha"}, {"model": "GLMM", "pi_method": "bootstrap"},
            {"test": "profile"}, {"seed": -1}, {"seed": "1"}, {"modle": "IV"},
        ],
    )  # fmt: skip
    def test_an_option_that_cannot_be(self, options: dict[str, Any]) -> None:
        named = "model" if set(options) == {"model"} else [*options][-1]
        for call in (lambda: pool(X, N, **options), lambda: pool_two_arm(*ARMS, **options)):
            with pytest.raises(ConfigError) as caught:
                call()
            assert named in str(caught.value)

    def test_all_of_them_at_once(self) -> None:
        with pytest.raises(ConfigError) as caught:
            pool(X, N, method="REM", level=95, to="some")  # type: ignore[arg-type]  # wrong on purpose
        assert all(name in str(caught.value) for name in ("method", "level", "to"))

    @pytest.mark.parametrize(
        "bad", [True, np.True_, "3", "three", np.str_("3"), None, 1.5, 3j, [1]]
    )
    def test_counts_that_are_none(self, bad: Any) -> None:
        for call in (
            lambda: pool([5, bad], [9, 9], slab=["A", "B"]),
            lambda: pool([5, 1], [9, bad], slab=["A", "B"]),
            lambda: pool_two_arm([5, bad], [9, 9], [2, 3], [9, 9], slab=["A", "B"]),
            lambda: pool_two_arm([5, 2], [9, 9], [2, 3], [9, bad], slab=["A", "B"]),
        ):
            with pytest.raises(DataError) as caught:
                call()
            assert isinstance(bad, list) or "B" in str(caught.value)

    @pytest.mark.parametrize("array", [np.array([True, False]), np.array(["3", "4"])])
    def test_arrays_that_are_no_counts(self, array: Any) -> None:
        for call in (
            lambda: pool(array, [9, 9]),
            lambda: pool_two_arm(array, [9, 9], [2, 3], [9, 9]),
            lambda: pool_many([array, array], [9, 9]),
        ):
            with pytest.raises(DataError, match="study 1"):
                call()

    @pytest.mark.parametrize(
        "array",
        [
            np.array(["1970-01-06", "1970-01-04"], dtype="M8[D]"),
            np.array([5, 3], dtype="m8[D]"),
            [*np.array([5, 3], dtype="m8[D]")],
            np.array([np.timedelta64(5, "D"), 3], dtype=object),
            [np.array(True), 3],
            [dt.date(2020, 1, 1), 3],
            [dt.timedelta(3), 3],
            np.array([np.array(True), 3], dtype=object),
        ],
    )
    def test_times_and_truths_are_no_counts(self, array: Any) -> None:
        for call in (
            lambda: pool(array, [9, 9], slab=["A", "B"]),
            lambda: pool([1, 1], array, slab=["A", "B"]),
            lambda: pool_two_arm(array, [9, 9], [2, 3], [9, 9], slab=["A", "B"]),
            lambda: pool_two_arm([1, 1], [9, 9], [1, 1], array, slab=["A", "B"]),
            lambda: pool_many([array, array], [9, 9]),
            lambda: regress(array, [0.1, 0.2], {}, "~ 1", slab=["A", "B"]),
            lambda: regress([0.1, 0.2], array, {}, "~ 1", slab=["A", "B"]),
        ):
            with pytest.raises(DataError, match="study 1"):
                call()

    @pytest.mark.parametrize(
        "array",
        [
            np.ma.array([5, 3, 4], mask=[False, True, False]),
            np.ma.array([5.0, 3.0, 4.0], mask=[False, True, False]),
            [5, np.ma.masked, 4],
        ],
    )
    def test_what_is_masked_is_not_there(self, array: Any) -> None:
        three = [9, 9, 9]
        for call in (
            lambda: pool(array, three, slab=list("ABC")),
            lambda: pool([1, 1, 1], array, slab=list("ABC")),
            lambda: pool_two_arm(three, three, [2, 3, 2], array, slab=list("ABC")),
            lambda: pool_many([array, array], [9, 9, 9]),
            lambda: regress(array, [0.1, 0.2, 0.3], {}, "~ 1", slab=list("ABC")),
            lambda: subgroup_test([0.1, 0.2, 0.3], array, list("aab"), slab=list("ABC")),
            lambda: influence_of_effects(array, [0.1, 0.2, 0.3]),
            lambda: egger_test(array, [0.1, 0.2, 0.3], force=True),
            lambda: trim_fill_effects([0.1, 0.2, 0.3], array, force=True),
        ):
            with pytest.raises(DataError, match=r"study 2.*masked"):
                call()
        whole = np.ma.array([5, 3, 4], mask=False)
        assert pool(whole, three) == pool([5, 3, 4], three)

    def test_a_masked_moderator_is_a_missing_one(self) -> None:
        y, v = [0.1, 0.3, 0.2, 0.6], [0.02, 0.03, 0.02, 0.04]
        dose = np.ma.array([1.0, 9.0, 2.0, 4.0], mask=[False, True, False, False])
        found = regress(y, v, {"dose": dose}, "~ dose", slab=list("ABCD"))
        assert found.k == 3
        assert "B" in found.fallbacks[0].message
        with pytest.raises(DataError, match="B"):
            subgroup_test(y, v, np.ma.array([1, 1, 2, 2], mask=[0, 1, 0, 0]), slab=list("ABCD"))

    def test_whole_numbers_of_any_kind(self) -> None:
        plain = repr(pool([3, 5, 7], [9, 12, 19]))
        for make in (np.int32, np.uint8, np.float32, float):
            assert repr(pool([make(v) for v in (3, 5, 7)], [9.0, 12, 19])) == plain
        assert repr(pool(np.array([3, 5, 7], dtype=object), (9, 12, 19))) == plain
        one, other = pool_two_arm([np.int64(3)], [9.0], [2], [8]), pool_two_arm([3], [9], [2], [8])
        assert repr(one) == repr(other)


class TestSubgroups:
    def test_every_option_reaches_the_levels(self) -> None:
        plain, _ = subgroup_counts(X, N, GROUP, model="IV")
        for changed in ({"to": "all"}, {"to": "all", "add": 0.1}, {"i2_method": "Q"},
                        {"pi_method": "HTS"}, {"test": "z"}, {"method": "DL"}):  # fmt: skip
            for tau2 in ("common", "separate"):
                other, _ = subgroup_counts(X, N, GROUP, model="IV", tau2=tau2, **changed)
                base, _ = subgroup_counts(X, N, GROUP, model="IV", tau2=tau2)
                assert other["b"] != base["b"], changed
        assert plain["b"].test == "adhoc"

    def test_beta_binomial_levels_are_beta_binomial(self) -> None:
        pools, test = subgroup_counts(X, N, GROUP, model="BB")
        assert pools["b"] == pool(X[2:], N[2:], model="BB")
        assert test.tau2 == "separate"
        with pytest.raises(ConfigError, match="tau2 = 'common'"):
            subgroup_counts(X, N, GROUP, model="BB", tau2="common")

    def test_bayesian_levels_are_bayesian(self) -> None:
        pools, test = subgroup_counts(X, N, GROUP, model="BAYES", prior_scale=0.5)
        assert pools["b"] == pool(X[2:], N[2:], model="BAYES", prior_scale=0.5)
        assert test.name == "none"

    @pytest.mark.parametrize(
        ("spec", "want"),
        [
            ({"model": "GLMM", "test": "z"}, {"model": "GLMM", "test": "z"}),
            ({"model": "BB", "test": "z"}, {"model": "BB", "test": "z"}),
            ({"model": "BAYES"}, {"model": "BAYES"}),
            ({"model": "IV", "test": "knha", "method": "DL"}, {"model": "IV", "test": "knha"}),
        ],
    )
    def test_a_configuration_reaches_the_levels(
        self, spec: dict[str, Any], want: dict[str, str]
    ) -> None:
        config = AnalysisConfig.model_validate(
            {"name": "x", "title": "X", "models": (spec,), "subgroup": "product", "i2_method": "Q"}
        )
        counts = [
            Count(f"s{i}", "all", f"S{i}", g, "orr", x, n, (x,), "infused", "printed", "",
                  moderators={"product": g})
            for i, (x, n, g) in enumerate(zip(X, N, GROUP, strict=True))
        ]  # fmt: skip
        rows = [StudyRow(c, c.xi / c.ni, 0.0, 1.0, 0.1) for c in counts]
        groups, _ = subgroup_analysis(config, counts, rows)
        for group in groups:
            assert group.pooled is not None
            assert {key: getattr(group.pooled, key) for key in want} == want
            assert group.pooled.i2_method != "tau2"


class TestCsvGroups:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "counts.csv"
        path.write_text(CSV)
        return path

    @pytest.mark.parametrize(
        ("arguments", "options"),
        [
            (["--to", "all"], {"model": "IV", "to": "all"}),  # which the GLMM cannot have
            (["--to", "all", "--add", "0.1"], {"model": "IV", "to": "all", "add": 0.1}),
            (["--i2-method", "Q"], {"model": "GLMM", "i2_method": "Q"}),
            (["--tau2", "separate"], {"model": "GLMM", "tau2": "separate"}),
            (["--model", "IV", "--i2-method", "Q"], {"model": "IV", "i2_method": "Q"}),
            (["--model", "IV", "--tau2", "separate"], {"model": "IV", "tau2": "separate"}),
            (["--model", "BB"], {"model": "BB"}),
            (["--model", "BAYES"], {"model": "BAYES"}),
        ],
    )
    def test_options_of_groups(
        self, cli: Any, path: Path, arguments: list[str], options: dict[str, Any]
    ) -> None:
        ran = cli("pool", "--csv", path, "--json", *arguments)
        assert ran.code == 0, ran.err
        pools, test = subgroup_counts(X, N, GROUP, **options)
        found = json.loads(ran.out)
        for name, fit in pools.items():
            for key in ("estimate", "i2", "ci_lb", "pi_ub"):
                assert found["groups"][name][key] == getattr(fit, key), (name, key)
        assert found["group_test"]["tau2"] == test.tau2

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--model", "GLMM", "--method", "DL"], ("--method DL", "GLMM", "allowed: ML")),
            (["--model", "GLMM", "--to", "all"], ("--to all", "GLMM")),
            (["--model", "BB", "--tau2", "common"], ("--tau2 common", "BB", "separate")),
            (["--measure", "OR"], ("--measure OR", "one arm")),
            (["--model", "BAYES", "--test", "z"], ("--test z", "BAYES")),
            (["--level", "0.9999999999999999"], ("--level 0.9999999999999999",)),
            (["--add", "1e308", "--to", "all"], ("--add 1e+308",)),
        ],
    )
    def test_what_no_model_can_honour(
        self, cli: Any, path: Path, arguments: list[str], words: tuple[str, ...]
    ) -> None:
        ran = cli("pool", "--csv", path, *arguments)
        assert (ran.code, ran.out) == (2, ""), ran.err
        for word in words:
            assert word in ran.err

    def test_a_tau2_without_groups(self, cli: Any, tmp_path: Path) -> None:
        path = tmp_path / "plain.csv"
        path.write_text("study,events,n\nA,3,9\nB,4,9\n")
        ran = cli("pool", "--csv", path, "--tau2", "common")
        assert ran.code == 2
        assert "--tau2 common" in ran.err


class TestConfigurations:
    @pytest.mark.parametrize(
        ("lines", "place", "words"),
        [
            ("models: [{model: GLMM, method: DL}]\n", (3, 32), ("DL", "GLMM", "ML")),
            ("models: [{model: BB, test: adhoc}]\n", (3, 28), ("adhoc", "BB", "profile")),
            ("models: [{model: MH}]\n", (3, 18), ("MH", "one arm", "GLMM")),
            ("pi_method: bootstrap\n", (3, 12), ("bootstrap", "GLMM", "HTS")),
            ("models: [{model: BAYES}]\npi_method: V\n", (4, 12), ("BAYES",)),
            ("models: [{model: BB}]\nsubgroup: product\nsubgroup_tau2: common\n", (5, 16),
             ("common", "BB", "separate")),
            ("subgroup_tau2: separate\n", (3, 16), ("subgroup",)),
            ("models: [{model: IV, method: EE}]\ni2_method: tau2\n", (4, 12), ("EE", "Q")),
        ],
    )  # fmt: skip
    def test_what_a_model_cannot_honour_has_a_place(
        self, tmp_path: Path, lines: str, place: tuple[int, int], words: tuple[str, ...]
    ) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(f"name: mine\ntitle: Mine\n{lines}")
        with pytest.raises(ConfigError) as caught:
            load_config(path, MYELOMA)
        (found,) = caught.value.diagnostics
        assert (found.mark.line, found.mark.column) == place
        for word in words:
            assert word in f"{found.message} {found.hint}"

    def test_all_of_them_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        models = "models:\n  - {model: GLMM, method: DL, test: knha}\n  - {model: MH}\n"
        path.write_text(f"name: mine\ntitle: Mine\n{models}")
        with pytest.raises(ConfigError) as caught:
            load_config(path, MYELOMA)
        assert len(caught.value.diagnostics) == 3


class TestNamesOfStatistics:
    def test_q_is_cochrans_alone(self) -> None:
        iv, glmm = pool(X, N), pool(X, N, model="GLMM")
        assert math.isfinite(iv.q)
        assert iv.q_df == 5
        assert math.isnan(iv.lrt)
        assert math.isnan(glmm.q)
        assert math.isnan(glmm.q_pval)
        assert glmm.lrt_df == 5
        assert 0 < glmm.lrt_pval < 1
        assert math.isnan(pool(X, N, model="BB").q)
        two = pool_two_arm(*ARMS, model="GLMM")
        assert math.isnan(two.q)
        assert two.lrt >= 0

    def test_in_batches_too(self) -> None:
        glmm, iv = pool_many([X], [N], model="GLMM"), pool_many([X], [N])
        assert math.isnan(glmm.q[0])
        assert glmm.lrt[0] == pytest.approx(pool(X, N, model="GLMM").lrt)
        assert math.isnan(iv.lrt[0])

    def test_in_the_files_of_a_run(self, cli: Any, golden_review: Path) -> None:
        import csv

        assert cli("pool", "configs/tiny.yaml", "--jobs", "1").code == 0
        with (golden_review / "outputs/tiny/pooled.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["k"] != "1"]
        for row in rows:
            has_q, has_lrt = row["q"] != "", row["lrt"] != ""
            assert (has_q, has_lrt) == (row["model"] == "IV", row["model"] != "IV")
        results = json.loads((golden_review / "outputs/tiny/results.json").read_bytes())
        head = results["outcomes"][0]["headline"]
        assert head["q"] is None
        assert head["lrt"] > 0


class TestHonouredOrRefused:
    """Whatever is asked for changes the result, or is refused by name."""

    OTHERS: ClassVar = {
        "measure": get_args(Measure), "method": get_args(Method), "test": get_args(Test),
        "pi_method": get_args(PiMethod), "i2_method": get_args(I2Method), "level": (0.9,),
        "add": (0.1,), "to": get_args(To), "drop00": (False,), "form": ("UM.FS",),
        "estimand": ("marginal",), "prior": ("half-cauchy",), "prior_scale": (0.3,),
        "mu_prior": ((0.0, 0.5),), "likelihood": ("normal",), "tau2": get_args(Sharing),
    }  # fmt: skip
    XI, NI = [28, 52, 3, 40, 0, 9], [33, 62, 11, 57, 8, 19]
    ARMS = ([3, 0, 7, 12, 0], [20, 15, 31, 60, 9], [5, 2, 7, 20, 0], [18, 16, 29, 66, 8])

    def hold(self, call: Callable[..., object], default: Request, skip: str = "") -> None:
        """Try every field of ``OTHERS``; an error must name the field."""

        def said(**options: Any) -> str:
            try:
                return repr(call(**options))
            except (ConfigError, DataError) as error:
                return f"refused: {error}"

        base = said()
        for name, values in self.OTHERS.items():
            for value in values:
                if name == skip or value == getattr(default, name):
                    continue
                found = said(**{name: value})
                assert found != base, (name, value)
                assert not found.startswith("refused") or name in found or value == "none", found

    @pytest.mark.parametrize("model", [*MODELS["one arm"]])
    def test_one_arm(self, model: Any) -> None:
        self.hold(
            partial(pool, self.XI, self.NI, model=model), request("one arm", {"model": model})
        )

    @pytest.mark.parametrize("model", [*MODELS["two arms"]])
    def test_two_arms(self, model: Any) -> None:
        self.hold(
            partial(pool_two_arm, *self.ARMS, model=model), request("two arms", {"model": model})
        )

    @pytest.mark.parametrize(
        ("model", "tau2"), [(m.code, t) for m in MODELS["one arm"].values() for t in m.tau2]
    )
    def test_subgroups(self, model: Any, tau2: Any) -> None:
        call = partial(subgroup_counts, self.XI, self.NI, GROUP, model=model, tau2=tau2)
        self.hold(call, request("one arm", {"model": model}), skip="tau2")


class TestTablesAreComplete:
    def test_measures(self) -> None:
        assert tuple(MEASURES) == get_args(Measure)
        assert tuple(ONE_ARM) == get_args(SingleArmMeasure)
        assert tuple(TWO_ARM) == get_args(TwoArmMeasure)
        assert all(measure.code == code for code, measure in MEASURES.items())

    def test_estimators(self) -> None:
        assert set(ESTIMATORS) == set(get_args(Method))

    def test_models(self) -> None:
        assert set(single_arm._FITS) == set(MODELS["one arm"])
        assert {*two_arm._FITS, "MH", "PETO"} == set(MODELS["two arms"])
        named = set(MODELS["one arm"]) | set(MODELS["two arms"])
        assert named == set(get_args(ModelCode))

    def test_options_and_request_have_the_same_fields(self) -> None:
        assert set(Options.__annotations__) == {f.name for f in fields(Request)} - {"kind"}

    @pytest.mark.parametrize("measure", [*ONE_ARM.values()], ids=lambda m: m.code)
    def test_one_arm_measures_lead_back(self, measure: OneArm) -> None:
        a, n = np.arange(1.0, 20.0), 20.0
        yi, vi = measure.effect(a, n - a)
        assert (vi > 0).all()
        assert ((yi >= measure.low) & (yi <= measure.high)).all()
        np.testing.assert_allclose(measure.forward(a / n, np.asarray(n)), yi, rtol=1e-12)
        np.testing.assert_allclose(measure.inverse(yi, n), a / n, rtol=1e-10)


@pytest.mark.parametrize(
    "options", [{"level": 0.9}, {"measure": "PLO"}, {"i2_method": "Q"}, {"pi_method": "V"}]
)
def test_a_permutation_test_has_no_intervals_and_no_scale(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        request("permutation", options)


def test_a_seed_is_for_what_is_drawn() -> None:
    with pytest.raises(ConfigError, match="bootstrap"):
        request("one arm", {"model": "IV", "seed": 3})
    assert request("one arm", {"model": "IV", "seed": 3, "pi_method": "bootstrap"}).seed == 3


class TestOptionsOfOneAnother:
    def test_equal_effects_have_no_bootstrap_of_tau2(self) -> None:
        for call in (
            lambda: pool(X, N, method="EE", pi_method="bootstrap"),
            lambda: pool_two_arm(*ARMS, method="EE", pi_method="bootstrap"),
        ):
            with pytest.raises(ConfigError, match="pi_method = 'bootstrap' is not for method EE"):
                call()

    def test_every_default_that_a_model_has_may_be_named(self) -> None:
        """Whatever a request came to, asking for all of it in words is the same request."""
        for kind, models in MODELS.items():
            for model in models.values():
                plain = request(kind, {"model": model.code})
                own = ("measure", "method", "test", "pi_method", "i2_method", *model.further)
                named = {name: getattr(plain, name) for name in own}
                named = {name: value for name, value in named.items() if value not in ("", None)}
                if named.get("to") == "none":
                    del named["add"]
                assert request(kind, {"model": model.code, **named}) == plain
