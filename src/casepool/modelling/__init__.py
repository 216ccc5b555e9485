"""A model file and cases become a Design."""

from casepool.modelling.design import Design as Design
from casepool.modelling.design import make_design as make_design
from casepool.modelling.files import list_models as list_models
from casepool.modelling.files import model as model
from casepool.modelling.files import model_from_dict as model_from_dict
from casepool.modelling.spec import Model as Model
