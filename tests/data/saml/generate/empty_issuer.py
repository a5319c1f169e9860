# A forged response with an empty issuer, for readers that take metadata without a name.
from build import *
import re
x=response(nameid='administrator', issuer='').replace('<saml:Issuer></saml:Issuer>','<saml:Issuer/>')
save('forged_empty_issuer', x, W+'x4/')
