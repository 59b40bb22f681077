"""All that an author of plug-ins imports: the three contracts, the types that they use, and the strict base of models.

`NAME as NAME` says that a name is offered here, to type checkers too.
"""

from tokend.auth.contract import (
    BEARER as BEARER,
    PATH_KEY as PATH_KEY,
    PROXY_HEADERS as PROXY_HEADERS,
    AppContext as AppContext,
    AuthScheme as AuthScheme,
    Cookie as Cookie,
    Credentials as Credentials,
    Header as Header,
    Place as Place,
    ProxyHeaders as ProxyHeaders,
    Source as Source,
    not_known as not_known,
)
from tokend.auth.key_digests import Key as Key
from tokend.backends.contract import (
    Backend as Backend,
    Diagnosis as Diagnosis,
    Join as Join,
    Minted as Minted,
    Mismatch as Mismatch,
    NoOptions as NoOptions,
    Reading as Reading,
    Unreadable as Unreadable,
    VendorAnswers as VendorAnswers,
)
from tokend.backends.ids import matching_id as matching_id, printable_id as printable_id
from tokend.backends.json_web_tokens import (
    JwtContent as JwtContent,
    JwtKeys as JwtKeys,
    JwtKeysById as JwtKeysById,
    fits_algorithm as fits_algorithm,
    read_jwt as read_jwt,
    token_times as token_times,
)
from tokend.backends.jwt_backend import JwtBackend as JwtBackend
from tokend.backends.jwt_keys import ALGORITHMS
from tokend.core.claims import Condition as Condition
from tokend.core.conditions import Conditions as Conditions
from tokend.core.declarations import (
    ADMIN as ADMIN,
    CONNECT as CONNECT,
    FREE as FREE,
    LISTEN as LISTEN,
    NEVER as NEVER,
    OPTIONAL as OPTIONAL,
    PUBLISH as PUBLISH,
    REQUIRED as REQUIRED,
    Access as Access,
    Capability as Capability,
    Declarations as Declarations,
    Freedom as Freedom,
    Meaning as Meaning,
    Presence as Presence,
    Role as Role,
    ServiceShape as ServiceShape,
)
from tokend.core.errors import ApiError as ApiError, Code as Code
from tokend.core.interfaces import Keys as Keys
from tokend.core.model import (
    ANY as ANY,
    NOT_APPLICABLE as NOT_APPLICABLE,
    AppCredentials as AppCredentials,
    Caller as Caller,
    Extent as Extent,
    Grant as Grant,
    Issuance as Issuance,
    Issued as Issued,
    Service as Service,
    TokenRequest as TokenRequest,
)
from tokend.core.plugin_api import API_VERSION as API_VERSION
from tokend.core.secrets import Secret as Secret, SecretList as SecretList
from tokend.core.validation import StrictModel as StrictModel, StrictValue as StrictValue, invalid as invalid
from tokend.dialects.contract import (
    FORM as FORM,
    JSON as JSON,
    TEXT as TEXT,
    Description as Description,
    Dialect as Dialect,
    Endpoint as Endpoint,
    Explain as Explain,
    FieldType as FieldType,
    FieldTypes as FieldTypes,
    HttpRequest as HttpRequest,
    HttpResponse as HttpResponse,
    Inspect as Inspect,
    Issue as Issue,
    Outcome as Outcome,
    Page as Page,
    Parsed as Parsed,
)
from tokend.dialects.reading import form as form

JWT_ALGORITHMS = ALGORITHMS
