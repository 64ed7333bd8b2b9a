#!/usr/bin/env python3
"""The package as it is installed: a wheel built offline, what it holds and shows, stubs that say what is there, docstrings."""
import support
import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
import zipfile

import h2box
import h2box._core
import nghttp2

SOURCE = os.path.join(support.ROOT, "python")
PACKAGES = ("h2box", "nghttp2")

# With an underscore, and in the stable ABI all the same (PEP 384).
STABLE = {"_Py_Dealloc", "_Py_NoneStruct", "_Py_TrueStruct", "_Py_FalseStruct", "_PyArg_ParseTupleAndKeywords_SizeT",
          "_PyArg_ParseTuple_SizeT", "_PyObject_CallFunction_SizeT",
          "_PyObject_CallMethod_SizeT"}


PROGRAM = """import h2box
import nghttp2
from h2box.asgi import ASGIServer

class Handler(h2box.BaseRequestHandler):
    async def on_request_done(self) -> None:
        self.send_response(200, [("a", b"b")], f"{self.method} {self.path} {self.client_address[1] + 1}", trailers={"sum": "1"})
        self.send_response("200")  # wrong
        self.send_response(body=5)  # wrong

connection = h2box.Connection(False, settings={h2box.SettingCodes.MAX_CONCURRENT_STREAMS: 3})
for event in connection.receive_data(b""):
    if isinstance(event, h2box.DataReceived):
        data: bytes = event.data
        text: str = event.data  # wrong
connection.send_headers(1, [(b"a", "b"), ("a", "b", True)])
connection.send_headers(1, {"a": "b"}, end_stream=True)
connection.send_headers("1", [])  # wrong
connection.send_data(1, "text")  # wrong
for message in h2box.WebSocket(max_message=5000).receive_data(bytearray()):
    if isinstance(message, h2box.WebSocketClosed):
        code: int = message.code

async def main() -> None:
    async with h2box.HTTP2Client(("localhost", 1)) as client:
        response = await client.request("GET", "/", body=iter(["a"]))
        print(response.status + 1, b"" + await response.read())
        response.nothing  # wrong

h2box.HTTP2Server(("localhost", 1), Handler).serve_forever()
h2box.HTTP2Server(("localhost", 1), Handler, ping_interval=None, idle_timeout=5)
h2box.HTTP2Client(("localhost", 1), ping_interval="5")  # wrong
nghttp2.HTTP2Server(("localhost", 1), Handler)
nghttp2.print_hd_table(nghttp2.HDDeflater().get_hd_table())
nghttp2.print_hd_table([1])  # wrong
size: str = nghttp2.HD_ENTRY_OVERHEAD  # wrong
nghttp2.HDInflater().inflate("text")  # wrong
h2box.HTTP2Server(("localhost", 1), object)  # wrong
ASGIServer(("localhost", 1), main, websockets=False)
h2box.nothing  # wrong
"""


def public(thing):
    return {name for name in vars(thing) if not name.startswith("_")}


class Wheel(unittest.TestCase):
    def test_build_and_use(self):
        for module in ("pip", "setuptools", "wheel"):
            if subprocess.run([sys.executable, "-c", "import " + module], capture_output=True).returncode:
                self.skipTest(module + " is not installed")
        with tempfile.TemporaryDirectory() as folder:
            for part in ("python", "core"):  # the source tree stays as it is
                shutil.copytree(os.path.join(support.ROOT, part), os.path.join(folder, part),
                                ignore=shutil.ignore_patterns("build", "*.egg-info"))
            done = subprocess.run([sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", folder,
                                   os.path.join(folder, "python")], capture_output=True, text=True, timeout=170,
                                  env={**os.environ, "CFLAGS": "-O0"})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            wheel, = (name for name in os.listdir(folder) if name.endswith(".whl"))
            self.assertRegex(wheel, r"^h2box-%s-cp311-abi3-" % re.escape(h2box.__version__))
            with zipfile.ZipFile(os.path.join(folder, wheel)) as z:
                names = {n for n in z.namelist() if ".dist-info/" not in n}
            modules = {"%s/%s" % (package, n) for package in PACKAGES for n in os.listdir(os.path.join(SOURCE, package))
                       if n.endswith((".py", ".pyi", ".typed"))}
            self.assertEqual(names, modules | {"h2box/_core.abi3.so"})
            self.use(folder, os.path.join(folder, wheel))

    def use(self, folder, wheel):
        """In an environment where nothing else is, by programs and by mypy."""
        python, env = folder + "/venv/bin/python", {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        with open(folder + "/program.py", "w") as f:
            f.write("import h2box, nghttp2\nprint(nghttp2.HDInflater().inflate(b'\\x82'), h2box.Connection().data_to_send()[:3])\n")
        for command in ([sys.executable, "-m", "venv", "--without-pip", folder + "/venv"],
                        [sys.executable, "-m", "pip", "-q", "--python", python, "install", "--no-index", "--no-compile", wheel],
                        [python, "-B", folder + "/program.py"]):
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=100, env=env)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        self.assertEqual(done.stdout, "[(b':method', b'GET')] b'PRI'\n")
        if shutil.which("mypy") and not support.SLOW:
            done = subprocess.run(["mypy", "--strict", "--python-executable", python, "--cache-dir", folder + "/cache", "program.py"],
                                  capture_output=True, text=True, cwd=folder, timeout=150)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_versions(self):
        with open(os.path.join(SOURCE, "pyproject.toml"), "rb") as f:
            self.assertEqual(tomllib.load(f)["project"]["version"], h2box.__version__)
        with open(os.path.join(support.ROOT, "CMakeLists.txt")) as f:
            self.assertIn("project(h2box VERSION %s " % h2box.__version__, f.read())


class Symbols(unittest.TestCase):
    def test_hidden(self):
        """Nothing is seen from outside but the module's entry, and of Python only what the limited API has."""
        if not shutil.which("nm"):
            self.skipTest("nm is not installed")
        done = subprocess.run(["nm", "-D", "--defined-only", h2box._core.__file__], capture_output=True, text=True, check=True)
        self.assertEqual([line.split()[-1] for line in done.stdout.splitlines()], ["PyInit__core"])
        done = subprocess.run(["nm", "-D", "--undefined-only", h2box._core.__file__], capture_output=True, text=True, check=True)
        wanted = {line.split()[-1].split("@")[0] for line in done.stdout.splitlines()}
        self.assertEqual({name for name in wanted if name.startswith("_Py")} - STABLE, set())
        others = {n for n in wanted if not n.startswith(("Py", "_Py", "__asan", "__ubsan", "__sanitizer"))}
        self.assertLessEqual(others, {"clock_gettime", "memcpy", "memmove", "memset", "memcmp", "memchr", "memrchr", "strlen", "strcmp",
                                      "strnlen",
                                      "__stack_chk_fail", "__memcpy_chk", "__memmove_chk", "__memset_chk", "__gmon_start__",
                                      "__cxa_finalize",
                                      "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable"})


class Words(unittest.TestCase):
    def test_stubs(self):
        """_core.pyi names what _core has, and no more; methods take the arguments that their docstrings name."""
        with open(os.path.join(SOURCE, "h2box", "_core.pyi")) as f:
            tree = ast.parse(f.read())
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        there = {name for name in public(h2box._core) if not name.startswith(("CODE_", "SETTING_"))}
        self.assertEqual(set(classes), there)
        for name, node in classes.items():
            real = getattr(h2box._core, name)
            if any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases):
                items = [part.target.id for part in node.body if isinstance(part, ast.AnnAssign)]
                self.assertEqual(items, [n for n in real.__match_args__], name)
                continue
            members = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
            self.assertEqual(set(members) - {"__new__"}, public(real), name)
            for member, part in members.items():
                if member == "__new__" or not callable(getattr(real, member)):
                    continue
                args = part.args
                told = [a.arg for a in args.posonlyargs + args.args + args.kwonlyargs][1:]
                self.assertEqual([p for p in inspect.signature(getattr(real, member)).parameters if p != "self"], told, (name, member))

    def test_codes(self):
        """codes.pyi has the names and numbers that the core's lists have."""
        with open(os.path.join(SOURCE, "h2box", "codes.pyi")) as f:
            tree = ast.parse(f.read())
        told = {node.name: {part.targets[0].id: part.value.value for part in node.body if isinstance(part, ast.Assign)}
                for node in tree.body if isinstance(node, ast.ClassDef)}
        self.assertEqual(told, {kind.__name__: {member.name: int(member) for member in kind} for kind
                                in (h2box.ErrorCodes, h2box.SettingCodes)})

    def test_types(self):
        """What a program that uses the package is told by mypy: nothing where it is right, and of each line that is wrong."""
        if not shutil.which("mypy"):
            self.skipTest("mypy is not installed")
        if support.SLOW:
            self.skipTest("it is run where there are no sanitizers (./dev test: release)")
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/program.py", "w") as f:
                f.write(PROGRAM)
            done = subprocess.run(["mypy", "--strict", "--no-error-summary", "--cache-dir", folder + "/cache", folder + "/program.py"],
                                  capture_output=True, text=True, timeout=150, cwd=folder, env={**os.environ, "MYPYPATH": SOURCE})
        lines = [int(line.split(":")[1]) for line in done.stdout.splitlines() if " error: " in line and line.startswith("program.py")]
        wrong = [n for n, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")]
        self.assertEqual(lines, wrong, done.stdout + done.stderr)

    def test_help(self):
        """It has what is imported later, too."""
        done = subprocess.run([sys.executable, "-B", "-c", "import h2box, pydoc; print(pydoc.plaintext.document(h2box))"],
                              capture_output=True, text=True, env=support.python_environment(), timeout=100)
        self.assertEqual(done.stderr, "")
        for name in ("HTTP2Server", "HTTP2Client", "BaseRequestHandler", "Response", "Connection"):
            self.assertRegex(done.stdout, r"(?m)^    class %s\b" % name)

    def test_docstrings(self):
        for name in h2box.__all__:
            thing = getattr(h2box, name)
            self.assertTrue(inspect.getdoc(thing), name)
        for kind in (h2box.Connection, h2box.Deflater, h2box.Inflater, h2box.HTTP2Server, h2box.HTTP2Client, h2box.BaseRequestHandler):
            for name in public(kind):
                if callable(getattr(kind, name)) and name != "forget":
                    self.assertTrue(getattr(kind, name).__doc__, (kind, name))
        for module in (h2box, nghttp2, h2box.errors, h2box.events, h2box.codes):
            self.assertTrue(module.__doc__)

    def test_no_dependency(self):
        """Only the standard library is imported."""
        ours = {"h2box", "nghttp2"}
        for folder, _, names in os.walk(SOURCE):
            for name in names:
                if not name.endswith(".py") or name == "setup.py":
                    continue
                with open(os.path.join(folder, name)) as f:
                    for node in ast.walk(ast.parse(f.read())):
                        for module in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
                                       if isinstance(node, ast.ImportFrom) else []):
                            self.assertIn(module.split(".")[0], sys.stdlib_module_names | ours, name)

    def test_hpack_without_asyncio(self):
        done = subprocess.run([sys.executable, "-B", "-c", "import h2box, sys; print('asyncio' in sys.modules)"], capture_output=True,
                              text=True,
                              env=support.python_environment())
        self.assertEqual(done.stdout, "False\n")


support.main()
