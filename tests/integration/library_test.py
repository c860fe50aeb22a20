# SPDX-License-Identifier: Apache-2.0
"""libpinion as a program outside this tree meets it: installed into an empty folder, found by CMake and by pkg-config,
compiled as C++20, run. And it exports its public names only.

  library_test.py BUILD SOURCE CXX
"""
import glob
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

BUILD, SOURCE, CXX = sys.argv[1:4]
WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
PRINTS = {
    "squares_and_cubes": "squares: 0 1 4 9 16\ncubes: 0 1 8 27 64\n",
    "pool_map": "2 4 6 8 10 \n2 4 (worker died: SIGKILL) 8 10 \n",
    "shared_counter": "4000\n",
    "producer_consumer": "5050 letters\n",
}


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def expect_equal(got, wanted, what):
    if got != wanted:
        sys.exit(f"{what}: got {got!r}, wanted {wanted!r}")


def installed(folder):
    """The prefix, moved after the installation: nothing may know where it was."""
    first, prefix = os.path.join(folder, "first"), os.path.join(folder, "prefix")
    run("cmake", "--install", BUILD, "--component", "libpinion", "--prefix", first)
    os.rename(first, prefix)
    return prefix


def library_folder(prefix):
    found = glob.glob(f"{prefix}/**/libpinion.so", recursive=True)
    expect_equal(len(found), 1, "libraries installed")
    return os.path.dirname(found[0])


def examples_by_cmake(prefix, folder):
    build = os.path.join(folder, "examples")
    run("cmake", "-S", f"{SOURCE}/examples/cpp", "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={CXX}",
        f"-DCMAKE_CXX_FLAGS={' '.join(WARNINGS[1:])}")
    run("cmake", "--build", build)
    sources = {os.path.basename(name)[:-4] for name in glob.glob(f"{SOURCE}/examples/cpp/*.cpp")}
    expect_equal(sources, set(PRINTS) | {"job_worker"}, "examples that this test knows")
    for name, text in PRINTS.items():
        expect_equal(run(f"{build}/{name}"), text, name)
    worker_of_jobs(f"{build}/job_worker")


def worker_of_jobs(program):
    """A job in frames, as the daemon would send it: type 1, codec JSON, first attempt."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(60)
        ours.sendall(struct.pack("<IBBHQII", 3, 1, 1, 1, 7, 0, 0) + b"100")
        ours.shutdown(socket.SHUT_WR)
        run(program, stdin=theirs, env={**os.environ, "PINION_FD": "0"})
        expect_equal(ours.recv(100), struct.pack("<IBBHQII", 2, 2, 1, 0, 7, 0, 0) + b"25", "an answer of job_worker")


def program_by_pkg_config(prefix, folder):
    libraries = library_folder(prefix)
    environment = {**os.environ, "PKG_CONFIG_PATH": f"{libraries}/pkgconfig", "LD_LIBRARY_PATH": libraries}
    flags = run("pkg-config", "--cflags", "--libs", "libpinion", env=environment).split()
    program = os.path.join(folder, "program")
    run(CXX, *WARNINGS, f"{SOURCE}/examples/cpp/shared_counter.cpp", "-o", program, *flags)
    expect_equal(run(program, env=environment), PRINTS["shared_counter"], "shared_counter by pkg-config")
    soname = [line.split("[")[1].rstrip("]") for line in run("readelf", "-d", f"{libraries}/libpinion.so").splitlines()
              if "SONAME" in line]
    expect_equal(soname, ["libpinion.so.0"], "soname")


def headers_alone(prefix):
    """Each compiles by itself, all with either compiler, and asks for nothing that is not its own or the system's."""
    pairs = [("clang++-19", "pinion.h")] if shutil.which("clang++-19") else []
    names = sorted(os.path.basename(name) for name in glob.glob(f"{prefix}/include/pinion/*.h"))
    sources = sorted(os.path.basename(name) for name in glob.glob(f"{SOURCE}/lib/pinion/include/pinion/*.h"))
    expect_equal(names, sources, "installed headers")
    for compiler, name in pairs + [(CXX, name) for name in names]:
        run(compiler, *WARNINGS, "-fsyntax-only", "-I", f"{prefix}/include", "-include", f"pinion/{name}", "-x", "c++", "/dev/null")
    for name in names:
        with open(f"{prefix}/include/pinion/{name}", encoding="utf-8") as file:
            included = [line.split()[1] for line in file if line.startswith("#include")]
        own = [word for word in included if "/" in word and not word.startswith(("<sys/", "<pinion/"))]
        expect_equal(own, [], f"what <pinion/{name}> includes of others")
        for word in included:
            if word.startswith("<pinion/"):
                expect_equal(word[8:-1] in names, True, f"{word} of <pinion/{name}> is installed")


def exported_names(prefix):
    text = run("nm", "-D", "-C", "--defined-only", f"{library_folder(prefix)}/libpinion.so")
    names = [line.split(" ", 2)[2] for line in text.splitlines()]
    kinds = ("", "typeinfo for ", "typeinfo name for ", "vtable for ")
    strange = [name for name in names if not name.startswith(tuple(kind + "pinion::v0::" for kind in kinds)) and
               "PINION_0" not in name.split("@")[0]]
    expect_equal(strange, [], "names that are not public, exported")
    for wanted in ("pinion::v0::Pool::Pool(", "pinion::v0::Process::join(", "pinion::v0::Lock::lock()",
                   "typeinfo for pinion::v0::WorkerDied"):
        expect_equal(any(name.startswith(wanted) for name in names), True, f"'{wanted}' is exported")
    inner = [name for name in names if any(word in name for word in ("TaskTable", "Monitor", "Pool::Core", "Job::Line", "LifeLine", "fork_child", "State::"))]
    expect_equal(inner, [], "insides, exported")


def main():
    with tempfile.TemporaryDirectory(prefix="pinion-library-") as folder:
        prefix = installed(folder)
        exported_names(prefix)
        program_by_pkg_config(prefix, folder)
        examples_by_cmake(prefix, folder)
        headers_alone(prefix)


main()
