# Good responses, signed in each way, and some that are not or with the wrong key.
from build import *
md(); md(('evil','idp'),'idp_md2.xml'); md((), 'idp_md0.xml')
save('ok_assertion', signed(response()))
save('ok_response', signed(response(),'response'))
save('ok_both', signed(response(),'both'))
save('unsigned', response())
save('evilkey', signed(response(),keyname='evil'))
save('sha1_assertion', signed(response(),alg='sha1'))
