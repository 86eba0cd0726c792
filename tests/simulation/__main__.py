"""Run many seeds: python -m tests.simulation 10000, or one of them with its course of events: --seed 4711."""
import sys, time
from tests.simulation.schedule import simulator
if __name__ == "__main__":
    with simulator() as s:
        if sys.argv[1] == "--seed":
            course = []
            try: s.simulate(int(sys.argv[2]), course)
            finally: print("\n".join(course))
        else:
            a = time.process_time(); n=int(sys.argv[1]); bad = 0
            for seed in range(n):
                try: s.simulate(seed)
                except AssertionError as e:
                    bad += 1
                    if bad < 15: print(e)
            print(n, bad, time.process_time()-a)
