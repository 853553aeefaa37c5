from seedproof.report.html.page import FigureEntry as FigureEntry
from seedproof.report.html.page import Page as Page
from seedproof.report.html.page import RunFacts as RunFacts
from seedproof.report.html.page import Section as Section
from seedproof.report.html.study import study_page as study_page
from seedproof.report.html.study import write_study_report as write_study_report
from seedproof.report.html.study_drawings import study_figures as study_figures
from seedproof.report.html.write import write_report as write_report
