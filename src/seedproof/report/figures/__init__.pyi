from seedproof.report.figures.curves import draw_curves as draw_curves
from seedproof.report.figures.forgetting import draw_forgetting as draw_forgetting
from seedproof.report.figures.generalization import draw_generalization as draw_generalization
from seedproof.report.figures.gradients import draw_gradient_norms as draw_gradient_norms
from seedproof.report.figures.step_sizes import draw_step_sizes as draw_step_sizes
from seedproof.report.figures.surface import draw_surface as draw_surface
