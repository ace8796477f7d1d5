"""Long tests against hostile input and interruptions: `make soak`, about half an hour.

pytest does not collect these files by itself: their names do not begin with "test_".
"""
