"""Charts as server-rendered SVG: no script, no inline style, readable in dark mode and on paper.

Each function returns a `Chart`; templates show it with `{% chart c %}`. Every chart comes with the
same values as a table, and says where a value is missing and why.
"""

from portal.shell.charts.bar_list import BarListRow, bar_list
from portal.shell.charts.bars import bar_chart
from portal.shell.charts.lines import line_chart
from portal.shell.charts.model import Chart, Series
from portal.shell.charts.progress import progress_chart
from portal.shell.charts.timeline import TimelineMark, milestone_timeline

__all__ = [
    "BarListRow",
    "Chart",
    "Series",
    "TimelineMark",
    "bar_chart",
    "bar_list",
    "line_chart",
    "milestone_timeline",
    "progress_chart",
]
