# One wrong field each; signature wrapping; ids, comments, document types, encodings, attribute shapes, times.
from build import *
import re
def fresh(): return signed(response())
def S(r): return etree.tostring(r).decode()
# ---- field checks (all correctly signed by idp, assertion-signed unless noted)
T={
 'f_bad_destination': dict(dest='https://evil/acs'), 'f_no_destination': dict(dest=None),
 'f_bad_recipient': dict(recip='https://evil/acs'), 'f_no_recipient': dict(recip=None),
 'f_bad_irt': dict(irt='other'), 'f_no_irt': dict(irt=None),
 'f_expired': dict(naft=-3600), 'f_notbefore_future': dict(nb=3600), 'f_bad_audience': dict(aud='https://other'),
 'f_no_audience': dict(aud=None), 'f_no_conditions': dict(conds=False), 'f_bad_issuer': dict(issuer='https://evil'),
 'f_bad_status': dict(status='urn:oasis:names:tc:SAML:2.0:status:Responder'), 'f_no_status': dict(statusel=False),
 'f_issue_future': dict(issue=86400), 'f_issue_old': dict(issue=-3600),'f_issue_2min_old': dict(issue=-120),
 'f_sender_vouches': dict(method='urn:oasis:names:tc:SAML:2.0:cm:sender-vouches'), 'f_hok': dict(method='urn:oasis:names:tc:SAML:2.0:cm:holder-of-key'),
 'f_two_audrestr_one_wrong': dict(audxml=f'<saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>https://other</saml:Audience></saml:AudienceRestriction>'),
 'f_onetimeuse': dict(audxml=f'<saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction><saml:OneTimeUse/>'),
 'f_unknown_condition': dict(audxml=f'<saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction><saml:Condition xmlns:x="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x:Foo"/>'),
}
for n,k in T.items():
    save(n+'_as', signed(response(**k))); save(n+'_rs', signed(response(**k),'response'))
# ---- XSW1..8 (SAMLRaider)
def evil(a):
    e=copy.deepcopy(a); e.set('ID','_evil'); e.find('.//a:NameID',NS).text='admin@example.test'
    for s in e.findall('d:Signature',NS): e.remove(s)
    return e
def xsw(n):
    what='response' if n in(1,2) else 'assertion'
    r=signed(response(),what); 
    if n==1 or n==2:
        sig=r.find('d:Signature',NS); orig=copy.deepcopy(r); orig.remove(orig.find('d:Signature',NS))
        r.set('ID','_evilresp'); r.find('.//a:NameID',NS).text='admin@example.test'; r.find('.//a:Assertion',NS).set('ID','_evil')
        if n==1: sig.append(orig)
        else: r.insert(list(r).index(sig),orig)
        return r
    a=r.find('a:Assertion',NS); sig=a.find('d:Signature',NS); e=evil(a)
    if n==3: r.insert(list(r).index(a),e)
    if n==4: r.replace(a,e); e.append(a)
    if n==5: # evil assertion keeps signature, original (w/o sig) at end
        o=copy.deepcopy(a); o.remove(o.find('d:Signature',NS)); a.set('ID','_evil'); a.find('.//a:NameID',NS).text='admin@example.test'; r.append(o)
    if n==6: o=copy.deepcopy(a); o.remove(o.find('d:Signature',NS)); a.set('ID','_evil'); a.find('.//a:NameID',NS).text='admin@example.test'; sig.append(o)
    if n==7: x=etree.SubElement(r,'{%s}Extensions'%P); r.remove(x); r.insert(list(r).index(a),x); x.append(e)
    if n==8: 
        o=copy.deepcopy(a); o.remove(o.find('d:Signature',NS)); a.set('ID','_evil'); a.find('.//a:NameID',NS).text='admin@example.test'; ob=etree.SubElement(sig,'{%s}Object'%D); ob.append(o)
    return r
for i in range(1,9): save(f'xsw{i}', xsw(i))
# duplicate ID variants
r=fresh(); a=r.find('a:Assertion',NS); e=evil(a); e.set('ID','_ass1'); r.insert(0,e); save('dupid_before',r)
r=fresh(); a=r.find('a:Assertion',NS); e=evil(a); e.set('ID','_ass1'); r.append(e); save('dupid_after',r)
r=fresh(); a=r.find('a:Assertion',NS); e=evil(a); del e.attrib['ID']; e.set('{http://www.w3.org/XML/1998/namespace}id','_ass1'); r.insert(0,e); save('xmlid_collision',r)
r=fresh(); a=r.find('a:Assertion',NS); e=evil(a); r.append(e); save('two_assertions_second_unsigned',r)
# two signed assertions
r=etree.fromstring(response()); a=r.find('a:Assertion',NS); b=copy.deepcopy(a); b.set('ID','_ass2'); b.find('.//a:NameID',NS).text='bob@example.test'; r.append(b); sign(a); sign(b); save('two_signed_assertions',r)
r=etree.fromstring(response()); a=r.find('a:Assertion',NS); b=copy.deepcopy(a); b.set('ID','_ass2'); b.find('.//a:NameID',NS).text='bob@example.test'; r.append(b); sign(r); save('two_assertions_resp_signed',r)
# comments (2018)
for what in('assertion','response'):
    s=S(signed(response(nameid='admin@example.test.evil.com'),what)); save(f'comment_nameid_{what}', s.replace('admin@example.test.evil.com','admin@example.test<!-- x -->.evil.com'))
    save(f'pi_nameid_{what}', s.replace('admin@example.test.evil.com','admin@example.test<?x y?>.evil.com'))
    save(f'cdata_nameid_{what}', s.replace('admin@example.test.evil.com','admin@example.test<![CDATA[.evil.com]]>'))
    save(f'cdata_full_{what}', s.replace('admin@example.test.evil.com','<![CDATA[admin@example.test.evil.com]]>'))
    save(f'comment_issuer_{what}', s.replace(IDP+'<','https://idp.example.test/<!-- x -->metadata<'))
    save(f'comment_between_{what}', s.replace('<saml:Subject>','<!-- c --><saml:Subject>'))
    g=S(signed(response(groups=['users-admins']),what)); save(f'comment_group_{what}', g.replace('users-admins','users<!---->-admins'))
# PI really signed (PI is part of c14n)
x=response(nameid='admin@example.test.evil.com').replace('admin@example.test.evil.com','admin@example.test<?x y?>.evil.com'); save('pi_signed',signed(x))
x=response().replace('alice@example.test','admin@example.test<!-- x -->.evil.com'); save('comment_signed_with_comments', signed(x,comments=True))
# DTD / entity
s=S(fresh())
DT='<!DOCTYPE samlp:Response [%s]>'
save('dtd_unused', DT%'<!ENTITY a "b">'+s)
save('dtd_entity_nameid', DT%'<!ENTITY a "alice">'+s.replace('>alice@','>&a;@'))
save('xxe_file', DT%'<!ENTITY a SYSTEM "file:///etc/passwd">'+s.replace('>alice@','>&a;@'))
save('dtd_ext_subset', '<!DOCTYPE samlp:Response SYSTEM "http://127.0.0.1:18080/ext.dtd">'+s)
save('dtd_param_entity', '<!DOCTYPE samlp:Response [<!ENTITY % p SYSTEM "http://127.0.0.1:18080/param.dtd"> %p;]>'+s)
save('dtd_attlist_default', DT%'<!ATTLIST samlp:Response Destination CDATA "https://evil">'+S(signed(response(dest=None))))
save('dtd_attlist_id', DT%'<!ATTLIST saml:Issuer foo ID #IMPLIED>'+s.replace('<saml:Issuer>','<saml:Issuer foo="_ass1">',1))
save('laughs_text', DT%('<!ENTITY a0 "xxxxxxxxxx">'+''.join(f'<!ENTITY a{i} "{("&a%d;"%(i-1))*10}">' for i in range(1,9)))+s.replace('>alice@','>&a8;@'))
save('laughs_attr', DT%('<!ENTITY a0 "xxxxxxxxxx">'+''.join(f'<!ENTITY a{i} "{("&a%d;"%(i-1))*10}">' for i in range(1,9)))+s.replace('Version="2.0"','Version="2.0" x="&a8;"',1))
save('quad_attr', DT%('<!ENTITY a "'+'x'*50000+'">')+s.replace('Version="2.0"','Version="2.0" x="'+'&a;'*2000+'"',1))
# parser recovery
save('malformed_trailing', s+'<evil/>')
save('malformed_unclosed', s.replace('</samlp:Response>',''))
save('malformed_dupattr', s.replace('<saml:Assertion ','<saml:Assertion Version="1.0" ',1))
save('malformed_badentity', s.replace('>alice@','>&nosuch;alice@'))
save('malformed_undeclared_prefix', s.replace('<saml:Subject>','<foo:bar/><saml:Subject>'))
save('nul_byte', s.replace('>alice@','>\x00alice@'))
save('leading_garbage', 'garbage'+s)
save('bom', '\ufeff'+s)
save('utf16decl', '<?xml version="1.0" encoding="UTF-16"?>'+s)
save('latin1decl', ('<?xml version="1.0" encoding="ISO-8859-1"?>'+S(signed(response(nameid='jos\u00e9@example.test')))).encode())
save('nonascii', signed(response(nameid='jos\u00e9@example.test')))
save('nonascii_utf8', etree.tostring(signed(response(nameid='jos\u00e9@example.test')),encoding='utf-8'))
save('escapes', signed(response(nameid='o&apos;brien &amp; &lt;b&gt; &quot;x&quot;@example.test',groups=['a&amp;b','R&amp;D &lt;x&gt;'])))
save('cr_in_value', signed(response(groups=['a&#13;b','tab&#9;c'])))
save('ws_nameid', signed(response(nameid='  alice@example.test  ')))
save('empty_attr', signed(response(groups=['','g1'])))
save('nil_attr', signed(response(extra='<saml:Attribute Name="x"><saml:AttributeValue xsi:nil="true"/></saml:Attribute>')))
save('attr_novalue', signed(response(extra='<saml:Attribute Name="x"/>')))
save('attr_nested', signed(response(extra='<saml:Attribute Name="urn:oid:1.3.6.1.4.1.5923.1.1.1.10"><saml:AttributeValue><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">abc</saml:NameID></saml:AttributeValue></saml:Attribute>')))
save('attr_two_stmts', S(signed(response().replace('</saml:AttributeStatement>','</saml:AttributeStatement><saml:AttributeStatement><saml:Attribute Name="z"><saml:AttributeValue>1</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>'))))
save('attr_repeated_values_interleaved', signed(response(extra='<saml:Attribute Name="groups"><saml:AttributeValue>g3</saml:AttributeValue></saml:Attribute>')))
save('status_detail', signed(response().replace('<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>','<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/><samlp:StatusMessage>ok</samlp:StatusMessage><samlp:StatusDetail><x xmlns="urn:x">1</x></samlp:StatusDetail>'),'response'))
save('extensions', signed(response().replace('<samlp:Status>','<samlp:Extensions><x xmlns="urn:x">1</x></samlp:Extensions><samlp:Status>'),'response'))
save('advice', signed(response().replace('<saml:AuthnStatement','<saml:Advice><x xmlns="urn:x">1</x></saml:Advice><saml:AuthnStatement')))
save('authncontext_decl', signed(response().replace('</saml:AuthnContextClassRef>','</saml:AuthnContextClassRef><saml:AuthenticatingAuthority>https://up</saml:AuthenticatingAuthority>')))
save('scd_keyinfo', signed(response().replace('/></saml:SubjectConfirmation>','><x xmlns="urn:x"/></saml:SubjectConfirmationData></saml:SubjectConfirmation>')))
save('nopretty', signed(response(pretty=False)))
save('nopretty_resp', signed(response(pretty=False),'response'))
save('defaultns', S(signed(re.sub(r'saml:','',response()).replace('xmlns:saml','xmlns') if False else response())))
save('fraction_ts', signed(re.sub(r'(IssueInstant="[^"]+)Z"',r'\1.1234567Z"',response())))
save('offset_ts', signed(re.sub(r'(AuthnInstant="[^"]+)Z"',r'\1+00:00"',response())))
save('no_tz_ts', signed(re.sub(r'(AuthnInstant="[^"]+)Z"',r'\1"',response())))
# void canonicalization: relative namespace uri
save('relative_ns', s.replace('<saml:Issuer>','<saml:Issuer xmlns:ns="1">',1))
save('relative_ns_resp', S(signed(response(),'response')).replace('<samlp:Status>','<samlp:Status xmlns:ns="1">'))
