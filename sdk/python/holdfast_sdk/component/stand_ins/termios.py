"""In place of the compiled module for terminals: nothing in a component is one. The numbers are those of Linux (asm-generic/termbits.h)."""

from __future__ import annotations

import errno
from typing import Any, NoReturn

# When a change takes effect, what is flushed, what is suspended.
TCSANOW, TCSADRAIN, TCSAFLUSH, TCIFLUSH, TCOFLUSH, TCIOFLUSH, TCOOFF, TCOON = 0, 1, 2, 0, 1, 2, 0, 1
TCIOFF, TCION = 2, 3
# Input, output, control and local modes.
IGNBRK, BRKINT, IGNPAR, PARMRK, INPCK, ISTRIP, INLCR, IGNCR = 1, 2, 4, 8, 16, 32, 64, 128
ICRNL, IUCLC, IXON, IXANY, IXOFF, IMAXBEL, IUTF8, OPOST = 256, 512, 1024, 2048, 4096, 8192, 16384, 1
ONLCR, OCRNL, ONOCR, ONLRET, OFILL, OFDEL, CSIZE, CS5 = 4, 8, 16, 32, 64, 128, 48, 0
CS6, CS7, CS8, CSTOPB, CREAD, PARENB, PARODD, HUPCL = 16, 32, 48, 64, 128, 256, 512, 1024
CLOCAL, CRTSCTS, ISIG, ICANON, ECHO, ECHOE, ECHOK, ECHONL = 2048, 2147483648, 1, 2, 8, 16, 32, 64
ECHOCTL, ECHOPRT, ECHOKE, NOFLSH, TOSTOP, IEXTEN = 512, 1024, 2048, 128, 256, 32768
# Control characters.
VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC = 0, 1, 2, 3, 4, 5, 6, 7
VSTART, VSTOP, VSUSP, VEOL, VREPRINT, VDISCARD, VWERASE, VLNEXT = 8, 9, 10, 11, 12, 13, 14, 15
VEOL2, NCCS = 16, 32
# Speeds.
B0, B50, B75, B110, B134, B150, B200, B300 = 0, 1, 2, 3, 4, 5, 6, 7
B600, B1200, B1800, B2400, B4800, B9600, B19200, B38400 = 8, 9, 10, 11, 12, 13, 14, 15
B57600, B115200, B230400, B460800, B500000, B576000, B921600, B1000000 = 4097, 4098, 4099, 4100, 4101, 4102, 4103, 4104
B1152000, B1500000, B2000000, B2500000, B3000000, B3500000, B4000000 = 4105, 4106, 4107, 4108, 4109, 4110, 4111
# Requests of ioctl.
FIONREAD, FIONBIO, TIOCGWINSZ, TIOCSWINSZ, TIOCGPGRP, TIOCSPGRP, TIOCSTI, TIOCINQ = 21531, 21537, 21523, 21524, 21519, 21520, 21522, 21531
TIOCOUTQ, TIOCEXCL, TIOCNXCL, TIOCSCTTY, TIOCNOTTY, TCGETS, TCSETS, TCSETSW = 21521, 21516, 21517, 21518, 21538, 21505, 21506, 21507
TCSETSF = 21508


class error(Exception):
    """Raised by every function."""


def _refuse(*_: Any) -> NoReturn:
    raise error(errno.ENOTTY, "A component has no terminal")


tcgetattr = tcsetattr = tcsendbreak = tcdrain = tcflush = tcflow = tcgetwinsize = tcsetwinsize = _refuse
