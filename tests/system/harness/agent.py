#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs inside a machine of the system tests: commands come over a serial line as JSON, one a line, and are answered so."""
import json
import os
import subprocess
import sys
import termios
import tty


def open_line(path):
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line)
    settings = termios.tcgetattr(line)
    settings[4] = settings[5] = termios.B115200
    termios.tcsetattr(line, termios.TCSANOW, settings)
    return os.fdopen(line, "r+b", buffering=0)


def carry_out(request):
    try:
        done = subprocess.run(request["argv"], input=request["stdin"], capture_output=True, text=True, errors="replace",
                              timeout=request["timeout"], check=False)
        return {"code": done.returncode, "out": done.stdout, "err": done.stderr}
    except subprocess.TimeoutExpired:
        return {"code": None, "out": "", "err": "no end in time"}
    except OSError as error:
        return {"code": 127, "out": "", "err": str(error)}


def main():
    line = open_line(sys.argv[1])
    line.write(b'{"ready": true}\n')
    text = b""
    while True:
        text += line.read(4096) or sys.exit("the line is closed")
        while b"\n" in text:
            one, _, text = text.partition(b"\n")
            answer = memoryview(json.dumps(carry_out(json.loads(one))).encode() + b"\n")
            while answer:
                answer = answer[line.write(answer):]


main()
