# Builds and signs responses; the generators beside it use it. SAMLV names the directory with the keys.
import base64, hashlib, datetime, copy, sys, os
from lxml import etree
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
W=os.environ['SAMLV']
P='urn:oasis:names:tc:SAML:2.0:protocol'; A='urn:oasis:names:tc:SAML:2.0:assertion'; D='http://www.w3.org/2000/09/xmldsig#'
NS={'p':P,'a':A,'d':D}
EXC='http://www.w3.org/2001/10/xml-exc-c14n#'; ENV='http://www.w3.org/2000/09/xmldsig#enveloped-signature'
ALG={'sha256':('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256','http://www.w3.org/2001/04/xmlenc#sha256',hashes.SHA256(),hashlib.sha256),
     'sha1':('http://www.w3.org/2000/09/xmldsig#rsa-sha1','http://www.w3.org/2000/09/xmldsig#sha1',hashes.SHA1(),hashlib.sha1)}
def key(n): return serialization.load_pem_private_key(open(W+n+'.key','rb').read(),None)
def cert_b64(n): return ''.join(open(W+n+'.crt').read().strip().splitlines()[1:-1])
def ts(d=0): return (datetime.datetime.utcnow()+datetime.timedelta(seconds=d)).strftime('%Y-%m-%dT%H:%M:%SZ')
ACS='https://sp.example.test/saml/acs'; SP='https://sp.example.test/saml/metadata'; IDP='https://idp.example.test/metadata'
def response(nameid='alice@example.test', groups=('g1','g2'), rid='_resp1', aid='_ass1', irt=(os.environ.get('IRT','req1') or None), dest=ACS, recip=ACS, aud=SP, issuer=IDP, status='urn:oasis:names:tc:SAML:2.0:status:Success', naft=300, nb=-60, issue=0, extra='', method='urn:oasis:names:tc:SAML:2.0:cm:bearer', conds=True, pretty=True, statusel=True, audxml=None):
    nl='\n' if pretty else ''
    irta=f' InResponseTo="{irt}"' if irt else ''
    dst=f' Destination="{dest}"' if dest else ''
    g=''.join(f'<saml:AttributeValue xsi:type="xs:string">{x}</saml:AttributeValue>{nl}' for x in groups)
    audx = audxml if audxml is not None else (f'<saml:AudienceRestriction><saml:Audience>{aud}</saml:Audience></saml:AudienceRestriction>' if aud else '')
    c = f'<saml:Conditions NotBefore="{ts(nb)}" NotOnOrAfter="{ts(naft)}">{audx}</saml:Conditions>{nl}' if conds else ''
    st = f'<samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>{nl}' if statusel else ''
    rc = f' Recipient="{recip}"' if recip else ''
    return f'''<samlp:Response xmlns:samlp="{P}" xmlns:saml="{A}" ID="{rid}" Version="2.0" IssueInstant="{ts(issue)}"{dst}{irta}>{nl}<saml:Issuer>{issuer}</saml:Issuer>{nl}{st}<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="{aid}" Version="2.0" IssueInstant="{ts(issue)}">{nl}<saml:Issuer>{issuer}</saml:Issuer>{nl}<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{nameid}</saml:NameID><saml:SubjectConfirmation Method="{method}"><saml:SubjectConfirmationData NotOnOrAfter="{ts(naft)}"{rc}{irta}/></saml:SubjectConfirmation></saml:Subject>{nl}{c}<saml:AuthnStatement AuthnInstant="{ts()}" SessionIndex="_s1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>{nl}<saml:AttributeStatement>{nl}<saml:Attribute Name="groups" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">{nl}{g}</saml:Attribute>{nl}{extra}</saml:AttributeStatement></saml:Assertion>{nl}</samlp:Response>'''
def c14n(el, comments=False): return etree.tostring(el, method='c14n', exclusive=True, with_comments=comments)
def sign(el, keyname='idp', alg='sha256', comments=False, keyinfo=True, uri=None, transforms=None, pos=1):
    """enveloped exc-c14n signature placed after Issuer of el (must be in tree). returns signature element"""
    sa,da,h,hl=ALG[alg]
    e2=etree.fromstring(etree.tostring(el.getroottree())) if False else el
    dig=base64.b64encode(hl(c14n(el,comments)).digest()).decode()
    uri = '#'+el.get('ID') if uri is None else uri
    tr = transforms or f'<ds:Transform Algorithm="{ENV}"/><ds:Transform Algorithm="{EXC}{"WithComments" if comments else ""}"/>'
    ki=f'<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{cert_b64(keyname)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>' if keyinfo else ''
    s=etree.fromstring(f'<ds:Signature xmlns:ds="{D}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXC}"/><ds:SignatureMethod Algorithm="{sa}"/><ds:Reference URI="{uri}"><ds:Transforms>{tr}</ds:Transforms><ds:DigestMethod Algorithm="{da}"/><ds:DigestValue>{dig}</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>{ki}</ds:Signature>')
    el.insert(pos,s)
    si=s.find('d:SignedInfo',NS)
    s.find('d:SignatureValue',NS).text=base64.b64encode(key(keyname).sign(c14n(si),padding.PKCS1v15(),h)).decode()
    return s
def signed(xml, what='assertion', **kw):
    r=etree.fromstring(xml)
    if what in('assertion','both'): sign(r.find('a:Assertion',NS),**kw)
    if what in('response','both'): sign(r,**kw)
    return r
def save(n, r, d=W+'x/'):
    os.makedirs(d,exist_ok=True)
    b = r if isinstance(r,(bytes,str)) else etree.tostring(r)
    if isinstance(b,str): b=b.encode()
    open(d+n+'.xml','wb').write(b)
def md(certs=('idp',), fn='idp_md.xml'):
    kd=''.join(f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{D}"><ds:X509Data><ds:X509Certificate>{cert_b64(c)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>' for c in certs)
    open(W+fn,'w').write(f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{IDP}"><md:IDPSSODescriptor protocolSupportEnumeration="{P}">{kd}<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.test/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>')
