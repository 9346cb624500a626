"""Compares what the package `the_well` reads from data sets with what was read here (`examples/the_well.rs` of `runtime/data`):
windows to the bit, names, grids, boundary codes, parameters, and statistics to the four digits that their file has."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import yaml
from the_well.data import WellDataset
from the_well.data.normalization import ZScoreNormalization

warnings.simplefilter("error")


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: the_well has {found}, here it is {wanted}")


def open_with_the_well(folder, split, length, stride):
    return WellDataset(
        path=str(folder),
        well_split_name=split,
        n_steps_input=1,
        n_steps_output=length - 1,
        min_dt_stride=stride,
        max_dt_stride=stride,
    )


def frames(sample, names, constant):
    """[frames, x, y, channels] in the order of `names`, constant fields repeated."""
    fields = np.concatenate([sample["input_fields"].numpy(), sample["output_fields"].numpy()])
    channels = dict(zip(names, np.moveaxis(fields, -1, 0)))
    if constant:
        repeated = np.broadcast_to(sample["constant_fields"].numpy(), fields.shape[:-1] + (len(constant),))
        channels.update(zip(constant, np.moveaxis(repeated, -1, 0)))
    return channels


def check_split(folder, split, facts, windows):
    count = 0
    for length, stride in windows:
        there = open_with_the_well(folder, split, length, stride)
        names = [name for order in range(3) for name in there.metadata.field_names[order]]
        constant = [name for order in range(3) for name in there.metadata.constant_field_names[order]]
        expect(f"{folder} {split}: fields", sorted(names + constant), sorted(facts["fields"]))
        if not constant:
            expect(f"{folder} {split}: order of fields", names, facts["fields"])
        expect(f"{folder} {split}: grid", list(there.metadata.spatial_resolution), facts["grid"])
        here = np.fromfile(folder / "read" / f"{split}_{length}_{stride}", dtype="<u4")
        here = here.reshape(-1, length, *facts["grid"], len(facts["fields"]))
        expect(f"{folder} {split}: windows of {length} at stride {stride}", len(there), len(here))
        for index in range(len(there)):
            sample = there[index]
            channels = frames(sample, names, constant)
            theirs = np.ascontiguousarray(np.stack([channels[name] for name in facts["fields"]], axis=-1), dtype="<f4")
            if not (theirs.view("<u4") == here[index]).all():
                sys.exit(f"{folder} {split}: window {index} of {length} at stride {stride} differs")
            codes = sample["boundary_conditions"].numpy().astype(int).tolist()
            expect(f"{folder} {split}: boundaries", codes, facts["boundaries"])
            count += 1
    first = there[0].get("constant_scalars")
    values = [] if first is None else first.numpy().ravel().tolist()
    expect(f"{folder} {split}: parameters", values, [float(np.float32(value)) for _, value in facts["parameters"]])
    return count


def values(folder):
    """Every value of the training split as the_well gives it: per channel [samples, frames, x, y], constant fields last."""
    there = open_with_the_well(folder, "train", 2, 1)
    full = WellDataset(path=str(folder), well_split_name="train", n_steps_input=1, full_trajectory_mode=True)
    names = [name for order in range(3) for name in there.metadata.field_names[order]]
    samples = [frames(full[index], names, []) for index in range(len(full))]
    return {name: np.stack([sample[name] for sample in samples]).astype(np.float64) for name in names}


def check_statistics(folder):
    """Population moments in double precision over samples, time and space, and those of differences between frames."""
    stored = yaml.safe_load((folder / "stats.yaml").read_text()) if (folder / "stats.yaml").exists() else None
    here = json.loads((folder / "statistics.json").read_text())
    flat = lambda value: np.ravel(value).tolist()
    channels = values(folder)
    axes = "xyz"
    count = 0
    for name, moments in (
        ("mean", np.mean),
        ("std", np.std),
        ("rms", lambda x: np.sqrt(np.mean(x * x))),
    ):
        for suffix in ("", "_delta"):
            for field, value in here[name + suffix].items():
                order = np.ndim(value)
                if order == 0:
                    parts = [field]
                else:
                    d = len(value)
                    indices = np.ndindex(*(d,) * order)
                    parts = [field + "_" + "".join(axes[i] for i in index) for index in indices]
                if parts[0] not in channels:
                    continue
                if stored is not None:
                    texts = [[f"{x:.4E}" for x in flat(table)] for table in (stored[name + suffix][field], value)]
                    expect(f"{folder}: stats.yaml {name + suffix} {field}", texts[0], texts[1])
                for part, mine in zip(parts, flat(value)):
                    data = channels[part]
                    theirs = moments(np.diff(data, axis=1) if suffix else data)
                    scale = max(abs(theirs), np.sqrt(np.mean(data * data)) * 1e-4, 1e-30)
                    if abs(theirs - mine) > 0.5e-4 * scale:
                        sys.exit(f"{folder}: {name + suffix} of {part} is {theirs} from the_well's values, here {mine}")
                    count += 1
    return count


def check_normalisation(folder):
    """The package's own normalisation takes the file of statistics."""
    there = WellDataset(
        path=str(folder), well_split_name="train", use_normalization=True, normalization_type=ZScoreNormalization
    )
    assert np.isfinite(there[0]["input_fields"].numpy()).all()


def main(base):
    folders = sorted(path.parent for path in base.glob("*/read.json"))
    if not folders:
        sys.exit(f"{base}: nothing was read here")
    for folder in folders:
        read = json.loads((folder / "read.json").read_text())
        windows = sum(check_split(folder, split, facts, read["windows"]) for split, facts in read["splits"].items())
        statistics = check_statistics(folder)
        if (folder / "stats.yaml").exists():
            check_normalisation(folder)
        print(f"{folder.name}: {windows} windows equal to the bit, boundaries, parameters and {statistics} statistics equal")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
