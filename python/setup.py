"""The extension of the wheel: python/ext/*.c and the core, compiled together for the stable ABI of CPython 3.11.

The core's sources are taken by their place, as CMake takes them: there is no list of them to keep twice. They lie beside this
folder, so the wheel is built in the tree (pip does, since 21.3)."""
import glob
import os

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def sources(*folder):
    """Relative to this folder, as setuptools wants them."""
    return [os.path.relpath(path, HERE) for path in sorted(glob.glob(os.path.join(ROOT, *folder, "*.c")))]


class Build(build_ext):
    def finalize_options(self):
        super().finalize_options()
        self.force = True  # what an earlier version left in build/ is not looked at: headers, too, may have changed

    def build_extension(self, ext):
        # Objects of ../core would land beside the folder for them, and not in it.
        self.build_temp = os.path.join(self.build_temp, "objects")
        super().build_extension(ext)


if not sources("core"):
    raise SystemExit("the core is not there: build the wheel in h2box's source tree (pip wheel python/)")
os.chdir(HERE)
setup(
    packages=["h2box", "nghttp2"],
    package_data={"h2box": ["py.typed", "*.pyi"], "nghttp2": ["py.typed"]},
    cmdclass={"build_ext": Build},
    ext_modules=[Extension("h2box._core", sources("core") + sources("python", "ext"), include_dirs=[ROOT], py_limited_api=True,
                           define_macros=[("Py_LIMITED_API", "0x030b0000"), ("NDEBUG", None)],
                           extra_compile_args=["-std=c17", "-O3", "-fvisibility=hidden", "-g0"])],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
