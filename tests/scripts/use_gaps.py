"""Functions of os and resource that published packages call."""
import os
import resource

from report import transcript

transcript(globals(), """
os.major(os.makedev(8, 3)), os.minor(os.makedev(8, 3)), os.makedev(259, 70000)
resource.prlimit(0, resource.RLIMIT_NOFILE, (512, 1024)) != (512, 1024)
resource.prlimit(0, resource.RLIMIT_NOFILE), resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1024)), resource.getrlimit(resource.RLIMIT_NOFILE)
resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY)), resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_NOFILE, (1,))
resource.getrlimit(999)
resource.prlimit(0, 999)
resource.prlimit(-5, resource.RLIMIT_NOFILE)
resource.prlimit(0, resource.RLIMIT_NOFILE, (1,))
""")
