"""Writes the small files of this folder in the layouts of PDEBench and of miniWeather as MATEY reads it, with h5py 3 and netCDF4 1.

Values are trajectory, frame, x, y and channel as digits, so that a test knows each of them. Run it in this folder after a change:
pip install h5py hdf5plugin netCDF4 && python make.py
"""

import h5py
import hdf5plugin
import netCDF4
import numpy as np

FRAMES, NX, NY = 4, 5, 3


def digits(trajectory, channel, *, frames=FRAMES):
    """[time, x, y]: 1000 trajectory + 100 frame + 10 x + y + channel / 8, exact in single precision."""
    t, x, y = np.meshgrid(np.arange(frames), np.arange(NX), np.arange(NY), indexing="ij")
    return 1000.0 * trajectory + 100.0 * t + 10.0 * x + y + channel / 8


def coordinates(group, times):
    group["t"] = np.arange(times, dtype="f4") * 0.25
    group["x"] = np.arange(NX, dtype="f4")
    group["y"] = np.arange(NY, dtype="f4")


def compressed(dataset):
    """Whether some chunk went through the last filter and shrank."""
    chunk = dataset.id.get_chunk_info(0)
    return chunk.filter_mask == 0 and chunk.size < np.prod(dataset.chunks) * dataset.dtype.itemsize


with h5py.File("shallow_water.h5", "w") as file:
    for trajectory in range(10):
        group = file.create_group(f"{trajectory:04}")
        storage = {"compression": "lzf"} if trajectory % 2 else {}
        values = digits(trajectory, 0).astype("f4")[..., None]
        dataset = group.create_dataset("data", data=values, **storage)
        coordinates(group.create_group("grid"), FRAMES)
        group.attrs["config"] = "sim:\n  t: 1.0\n"
    assert compressed(file["0001/data"])

with h5py.File("diffusion_reaction.h5", "w") as file:
    for trajectory in range(2):
        group = file.create_group(f"{trajectory:04}")
        values = np.stack([digits(trajectory, channel) for channel in range(2)], axis=-1)
        # Axes are time, y, x.
        group.create_dataset("data", data=values.transpose(0, 2, 1, 3).astype("f4"), compression="gzip" if trajectory else None)
        coordinates(group.create_group("grid"), FRAMES)

with h5py.File("ns_sim_2d-7.h5", "w") as file:
    velocity = np.stack([np.stack([digits(n, c) for c in range(2)], axis=-1) for n in range(2)]).astype("f4")
    particles = np.stack([digits(n, 2)[..., None] for n in range(2)]).astype("f4")
    storage = {"compression": "lzf", "shuffle": True}
    file.create_dataset("velocity", data=velocity, chunks=(1, 2, NX, NY, 2), **storage)
    file.create_dataset("particles", data=particles, chunks=(1, 1, NX, NY, 1), **storage)
    file.create_dataset("force", data=velocity[:, 0] + 7, chunks=(1, NX, NY, 2), **storage)
    file["t"] = np.tile(np.arange(FRAMES, dtype="f4") * 0.25, (2, 1))
    file.attrs["latestIndex"] = FRAMES - 1
    assert compressed(file["velocity"])

with h5py.File("2D_CFD_Rand_M0.1_Eta0.01_Zeta0.02_periodic_5_Train.hdf5", "w") as file:
    for channel, name in enumerate(["density", "pressure", "Vx", "Vy"]):
        file[name] = np.stack([digits(n, channel) for n in range(3)]).astype("f4")
    file["x-coordinate"] = np.arange(NX, dtype="f4")
    file["y-coordinate"] = np.arange(NY, dtype="f4")
    file["t-coordinate"] = np.arange(FRAMES + 1, dtype="f4") * 0.25
    file.attrs["eta"] = 0.03

with h5py.File("filter.h5", "w") as file:
    values = digits(0, 0).astype("f4")[..., None]
    file.create_dataset("0000/data", data=values, **hdf5plugin.Zstd())
    coordinates(file.create_group("0000/grid"), FRAMES)

for name, version, kind, time in [
    ("thermals_classic.nc", "NETCDF3_CLASSIC", "f8", None),
    ("thermals_offset.nc", "NETCDF3_64BIT_OFFSET", "f4", FRAMES),
    ("thermals_data.nc", "NETCDF3_64BIT_DATA", "f4", None),
    ("thermals_4.nc", "NETCDF4", "f8", None),
]:
    with netCDF4.Dataset(name, "w", format=version) as file:
        file.title = "odd"
        file.createDimension("t", time)
        file.createDimension("x", NX)
        file.createDimension("z", NY)
        file.createVariable("t", kind, ("t",))[:] = np.arange(FRAMES) * 0.25
        file.createVariable("steps", "i4", ())[:] = 3
        for channel, variable in enumerate(["dens", "theta", "uwnd", "wwnd"]):
            stored = file.createVariable(variable, kind, ("t", "z", "x"))
            stored.units = "SI"
            # Axes are time, height, x; density and potential temperature are what the air at rest leaves.
            rest = 0.5 * (1 + np.arange(NY)) * (channel < 2)
            stored[:] = (digits(0, channel) - rest).transpose(0, 2, 1)
        for variable in ["hy_dens", "hy_theta"]:
            file.createVariable(variable, kind, ("z",))[:] = 0.5 * (1 + np.arange(NY))
