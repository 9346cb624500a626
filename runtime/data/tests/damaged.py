"""Compares what was read from damaged files with what h5py reads from them.

    PFMC_HEAVY=1 PFMC_DAMAGED=FOLDER cargo test --release -p pfm-data --test damaged
    python damaged.py FOLDER

Each NNNN.hdf5 has a NNNN.values beside it, all its values, or a NNNN.error, which must name the file. h5py runs in a process of its
own for each file, because it may crash or hang.
"""

import multiprocessing
import sys
from pathlib import Path

import h5py
import numpy as np

FIELDS = ["t0_fields/pressure", "t0_fields/density", "t1_fields/momentum", "t2_fields/D"]
ORIGINAL = np.fromfile(Path(__file__).parent / "fixtures/small.values", dtype="<u4")


def read(path, pipe):
    try:
        with h5py.File(path) as file:
            fields = [file[name][()].astype("<f4") for name in FIELDS]
        fields = [np.asarray(field).reshape(*field.shape[:4], -1) for field in fields]
        pipe.send(np.ascontiguousarray(np.concatenate(fields, axis=-1)).tobytes())
    except BaseException as error:
        pipe.send(f"{type(error).__name__}: {error}")


def h5py_reads(path):
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=read, args=(path, sender))
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(20) else "hangs"
    except EOFError:
        return "crashes"
    finally:
        process.kill()
        process.join()


def main(folder):
    files = sorted(folder.glob("*.hdf5"))
    equal = overlooked = refused = stricter = spared = 0
    wrong, troubles = [], []
    for path in files:
        found = h5py_reads(path)
        if found in ("hangs", "crashes"):
            troubles.append(f"{path.name} {found}")
        error = path.with_suffix(".error")
        if error.exists():
            refused += 1
            stricter += isinstance(found, bytes)
            if str(path) not in error.read_text():
                wrong.append(f"{path.name}: its error does not name it")
            continue
        values = np.fromfile(path.with_suffix(".values"), dtype="<u4")
        if not isinstance(found, bytes) and values.shape == ORIGINAL.shape and (values == ORIGINAL).all():
            spared += 1
            continue
        if not isinstance(found, bytes):
            wrong.append(f"{path.name}: read here, but h5py says {found}")
            continue
        theirs = np.frombuffer(found, dtype="<u4")
        if values.shape == theirs.shape and (values == theirs).all():
            equal += 1
        elif values.shape == theirs.shape and ((values == theirs) | ((theirs == 0) & (values == ORIGINAL))).all():
            overlooked += 1
        else:
            wrong.append(f"{path.name}: h5py reads other values")
    print(f"{len(files)} files: {equal} read as h5py reads them, {overlooked} with chunks that h5py overlooks, {refused} refused")
    print(f"{spared} that h5py refuses have their right values here, because the damage is in none of what was needed")
    print(f"h5py reads {stricter} of the refused without complaint; in h5py itself: {troubles or 'no crash, no hang'}")
    print("\n".join(wrong) or "nothing else")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
