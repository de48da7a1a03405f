#!/usr/bin/python3
"""A power switch for a test in another language, worked line by line.

usage: cutter.py LIBRARY DIRECTORY BELOW...

In DIRECTORY lie the files of the layer (layer.py), which watches what is written below the
rest.  Each line is answered by one:

  arm MODE EVENT    remember what is on the disk, and let MODE (kill-before, kill-after or
                    none) strike at that event                                        "armed"
  count             events so far                                                  their number
  cut SEED          make the disk what a power cut may have left of it  "cut", or "missed" when
                    nothing struck
"""
import random
import sys

import layer
from power import Disk

MODES = {"none": layer.NONE, "kill-before": layer.KILL_BEFORE, "kill-after": layer.KILL_AFTER}


def main():
    library, directory, *below = sys.argv[1:]
    watched, disk = layer.Layer(library, directory, below), None
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "arm":
            disk = Disk(watched.below)
            watched.arm(MODES[words[0]], int(words[1]))
            answer = "armed"
        elif verb == "count":
            answer = str(watched.count)
        else:
            answer = "cut" if watched.struck else "missed"
            watched.disarm()
            if watched.struck:
                disk.replay(watched.records())
                disk.cut(random.Random(int(words[0])))
        print(answer, flush=True)


if __name__ == "__main__":
    main()
