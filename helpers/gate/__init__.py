"""The gate before Keras: what is looked at before a network from a file is opened, and before an archive is read.

`opening.open_network` is the one place of the course that hands a file to Keras. It promises: no function that the file
names is called, no class is made that is not on the list in `configuration`, and memory and disk stay in proportion to
the size of the file. It promises nothing about what the network answers: a network can be trained to be wrong.
Keras is imported only by `opening`.
"""

from helpers.gate.archives import DamagedError, GateError, copy_member, open_archive, read_json, read_member
from helpers.gate.names import first_line, is_shown_as_it_is, printable, printable_lines
from helpers.gate.texts import read_whole
from helpers.gate.unpacking import unpack_all

__all__ = [
    "DamagedError", "GateError", "copy_member", "first_line", "is_shown_as_it_is", "open_archive", "printable",
    "printable_lines", "read_json", "read_member", "read_whole", "unpack_all",
]
