"""A model file and cases become a Design."""

from casepool.modelling.design.design import Design as Design
from casepool.modelling.design.making import make_design as make_design
from casepool.modelling.formulas.making import from_formula as from_formula
from casepool.modelling.specification.files import list_models as list_models
from casepool.modelling.specification.files import model as model
from casepool.modelling.specification.files import model_from_dict as model_from_dict
from casepool.modelling.specification.model import Model as Model
