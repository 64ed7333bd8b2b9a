#!/usr/bin/env python3
"""`h2box proxy --user`: who it becomes, and whose its files are. Only root can become somebody else."""
import os
import pwd
import re
import signal
import subprocess
import tempfile
import unittest

import peers
from configured import Life, backend_line, text_of, wait_for
from proxying import curl


def owner(path):
    st = os.lstat(path)
    return st.st_uid, st.st_gid


@unittest.skipUnless(os.geteuid() == 0, "not run by root: only root can become somebody else")
class User(Life):
    def setUp(self):
        nobody = pwd.getpwnam("nobody")
        self.nobody = (nobody.pw_uid, nobody.pw_gid)
        folder = tempfile.TemporaryDirectory(prefix="h2box-user-")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.access, self.errors, self.pid = (folder.name + "/" + name for name in ("access.log", "error.log", "pid"))

    def logging(self, *lines, **more):
        proxy = self.start(backend_line(self.one), "user=nobody", "accesslog-file=" + self.access, "errorlog-file=" + self.errors,
                           "accesslog-format=$path", *lines, **more)
        os.chmod(proxy.folder.name, 0o755)  # for HUP
        return proxy

    def said(self, text):
        wait_for(lambda: text in text_of(self.errors))

    def test_user(self):
        proxy = self.start(backend_line(self.one), "user=nobody")
        self.assertEqual(curl(proxy.url("/name")), b"one")
        nobody = pwd.getpwnam("nobody")

        def status_of():
            with open("/proc/%d/status" % proxy.process.pid) as f:
                text = f.read()
            return re.search(r"Uid:\s+%d\s+%d" % ((nobody.pw_uid,) * 2), text) and text
        status = wait_for(status_of)
        self.assertEqual(re.search(r"Gid:\s+(\d+)\s+(\d+)", status).groups(), (str(nobody.pw_gid),) * 2)
        self.assertEqual(re.search(r"CapEff:\s+(\w+)", status).group(1), "0" * 16)

    def test_a_user_that_there_is_not(self):
        port = peers.free_port()
        done = subprocess.run([peers.H2BOX, "proxy", "--user=no-such-user", "-f127.0.0.1,%d;no-tls" % port], capture_output=True,
                              timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no such user", done.stderr)

    def test_logs_are_the_users(self):
        """They are opened again in a folder of root's: where they can be, as long as they are there."""
        proxy = self.logging("pid-file=" + self.pid)
        self.said("listen on")
        self.assertEqual([owner(path) for path in (self.access, self.errors, self.pid)], [self.nobody, self.nobody, (0, 0)])
        for path in self.access, self.errors:
            os.rename(path, path + ".1")
            os.close(os.open(path, os.O_CREAT))
            os.chown(path, *self.nobody)  # as logrotate does (create)
        proxy.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: curl(proxy.url("/name")) and text_of(self.access))
        proxy.process.send_signal(signal.SIGHUP)
        self.said("read again")
        os.unlink(self.access)
        proxy.process.send_signal(signal.SIGUSR1)  # nobody may make a file here
        self.said("accesslog-file %s stays as it is: Permission denied" % self.access)
        self.assertNotIn("errorlog-file", text_of(self.errors) + text_of(self.errors + ".1"))

    def test_logs_of_before(self):
        for path in self.access, self.errors:
            with open(path, "w") as f:
                f.write("/before\n")
            os.chmod(path, 0o600)
        proxy = self.logging()
        self.said("listen on")
        proxy.process.send_signal(signal.SIGUSR1)
        proxy.process.send_signal(signal.SIGHUP)
        self.said("read again")
        self.assertNotIn("stays", text_of(self.errors))
        self.assertEqual([owner(path) for path in (self.access, self.errors)], [self.nobody] * 2)
        curl(proxy.url("/name"))
        wait_for(lambda: text_of(self.access) == "/before\n/name\n")

    def test_links_give_nothing_away(self):
        """CVE-2016-1247: a folder of the user's, and in it a link to a file that must not become his."""
        for link in os.symlink, os.link:
            other = self.access + "-" + link.__name__
            os.close(os.open(other, os.O_CREAT))
            link(other, self.access)
            proxy = self.logging()
            self.said("accesslog-file %s is not given to nobody: a link leads there" % self.access)
            self.assertEqual(proxy.stop(), 0)
            self.assertEqual(owner(other), (0, 0))
            os.unlink(self.access)
            os.unlink(self.errors)

    def test_what_it_has_not_opened(self):
        proxy = self.start(backend_line(self.one), "user=nobody", "accesslog-file=/dev/stdout", "errorlog-file=/dev/stderr")
        proxy.said("listen on")
        self.assertEqual(os.fstat(proxy.log.fileno()).st_uid, 0)
        self.assertNotIn("is not given", proxy.output)

    def test_the_pid_file_with_the_old_name(self):
        name = os.path.dirname(self.pid) + "/nghttpx"
        os.symlink(peers.H2BOX, name)
        proxy = self.logging("pid-file=" + self.pid, name=name)
        self.said("listen on")
        wait_for(lambda: text_of(self.pid) == "%d\n" % proxy.process.pid)
        self.assertEqual(owner(self.pid), self.nobody)


if __name__ == "__main__":
    peers.have("curl")
    unittest.main()
