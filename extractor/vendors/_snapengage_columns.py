"""The types of all fields that SnapEngage's documents name, table by table.

Declared, so that no type depends on which record comes first. Names and values of variables and labels are the
customer's own, so they stay rows of nested tables.
"""

from __future__ import annotations

from extractor.vendors._columns import columns

LOG = columns(
    text="""id widget_id url type requested_by description page_url referrer_url entry_url destination_url ip_address
        user_agent browser os country_code country region city chat_agent_id chat_agent_alias chat_ended_by
        language_code survey_comments snapshot_image_url plugins[].name plugins[].value javascript_variables[].name
        javascript_variables[].value operator_variables[].name operator_variables[].value labels[].name labels[].value
        transcripts[].id transcripts[].alias transcripts[].message transcripts[].translations requester_details.name
        requester_details.address requester_details.address2 requester_details.city requester_details.state
        requester_details.zip requester_details.country requester_details.company_name
        requester_details.company_profile_link requester_details.employees requester_details.revenue
        requester_details.title requester_details.website requester_details.gender requester_details.age
        requester_details.influencer_score requester_details.notes requester_details.industry
        requester_details.name_profile_link""",
    bigint="""created_at_seconds created_at_milliseconds source_id chat_waittime chat_duration survey_score
        transcripts[].date_seconds transcripts[].date_milliseconds""",
    double="latitude longitude",
    bool="proactive_chat",
    unix_ms="created_at_date transcripts[].date",
    # What they hold is in no document.
    json="requester_details.avatars requester_details.other_data",
)
# Boolean by the documents, "true" and "false" in their samples.
WIDGET_STATUS = columns(text="widgetId", bool="online emailRequired messageRequired screenshotRequired")
CHAT_MESSAGE = columns(text="caseId type author text", bigint="index")
VISITOR_TYPING = columns(text="case_id", bool="typing")
STARTED_CHAT = columns(text="caseId widgetId")
WIDGET = columns(
    text="""uuid email destinationEmail name agents[].agentId agents[].agentAlias agents[].agentAvatar
        agents[].agentType"""
)
USER = columns(text="email name phone accountType templateId")
